// What a .cu file instantiates for one head dimension of short attention: its kernels and their
// launch.
#pragma once

#include <algorithm>

#include "kernels/cuda/short_attention.h"
#include "kernels/cuda/short_attention_backward.cuh"
#include "kernels/cuda/short_attention_forward.cuh"
#include "kernels/cuda/short_attention_of.h"

namespace nextframe {
namespace {

/// Warps of a multiprocessor for which registers are kept: more of them hide more of memory's
/// latency. These spill nothing; on an H100 more or fewer gained at most 2 %, and lost up to 40.
template <class Shape>
constexpr int kForwardWarps = Shape::kHeadDim == 128 ? 12
                              : Shape::kTiles == 4   ? 16
                                                     : 24;
template <class Shape>
constexpr int kBackwardWarps = Shape::kHeadDim == 128 ? 8 : 16;

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads, kForwardWarps<Shape> / Shape::kTiles)
    forward_kernel(const __grid_constant__ ShortAttentionCall call) {
  short_attention_forward<Shape>(call);
}
template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads, kBackwardWarps<Shape> / Shape::kTiles)
    backward_kernel(const __grid_constant__ ShortAttentionCall call) {
  short_attention_backward<Shape>(call);
}

using Kernel = void (*)(ShortAttentionCall);

/// As many blocks as the GPU holds at once, at most one a unit.
void launch(Kernel kernel, int threads, int shared_bytes, const ShortAttentionCall& call,
            cudaStream_t stream) {
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                       cudaSharedmemCarveoutMaxShared);
  int device = 0, processors = 0, blocks_each = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
  cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks_each, kernel, threads,
                                                static_cast<size_t>(shared_bytes));
  const auto room = static_cast<unsigned>(std::max(1, processors * blocks_each));
  const unsigned num_blocks = std::min(call.units, room);
  // clang-format off
  kernel<<<num_blocks, static_cast<unsigned>(threads), static_cast<size_t>(shared_bytes), stream>>>(call);
  // clang-format on
}

template <class Shape>
void launch_forward(const ShortAttentionCall& call, cudaStream_t stream) {
  launch(forward_kernel<Shape>, Shape::kThreads, Shape::kForwardBytes, call, stream);
}
template <class Shape>
void launch_backward(const ShortAttentionCall& call, cudaStream_t stream) {
  launch(backward_kernel<Shape>, Shape::kThreads, Shape::kBackwardBytes, call, stream);
}

/// 16, 32 or 64 rows of queries and keys.
template <class Half, int kHeadDim, class Launch>
void with_tiles(const ShortAttentionCall& call, const Launch& start) {
  const int64_t length = std::max<int64_t>(call.queries, call.mask.keys);
  if (length <= 16) return start(ShortAttention<Half, kHeadDim, 1>());
  if (length <= 32) return start(ShortAttention<Half, kHeadDim, 2>());
  start(ShortAttention<Half, kHeadDim, 4>());
}

}  // namespace

template <int kHeadDim>
void ShortAttentionOf<kHeadDim>::forward(const ShortAttentionCall& call, HalfFormat format,
                                         cudaStream_t stream) {
  const auto start = [&](auto shape) { launch_forward<decltype(shape)>(call, stream); };
  if (format == HalfFormat::bf16) return with_tiles<Bf16, kHeadDim>(call, start);
  with_tiles<Fp16, kHeadDim>(call, start);
}

template <int kHeadDim>
void ShortAttentionOf<kHeadDim>::backward(const ShortAttentionCall& call, HalfFormat format,
                                          cudaStream_t stream) {
  const auto start = [&](auto shape) { launch_backward<decltype(shape)>(call, stream); };
  if (format == HalfFormat::bf16) return with_tiles<Bf16, kHeadDim>(call, start);
  with_tiles<Fp16, kHeadDim>(call, start);
}

}  // namespace nextframe
