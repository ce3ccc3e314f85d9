// What a .cu file instantiates for one of sm_90a's kernels with one head dimension.
#pragma once

#include "kernels/cuda/hopper_attention.h"
#include "kernels/cuda/hopper_attention_backward.cuh"
#include "kernels/cuda/hopper_attention_forward.cuh"

namespace nextframe {
namespace {

template <HopperKernel kKernel, class Half, int kHeadDim>
__global__ void __launch_bounds__(kHopperThreads, 1)
    hopper_kernel(const __grid_constant__ HopperAttentionCall call) {
  if constexpr (kKernel == HopperKernel::forward) {
    hopper_attention_forward<HopperForward<Half, kHeadDim>>(call);
  } else if constexpr (kKernel == HopperKernel::keys_backward) {
    hopper_attention_keys_backward<HopperKeys<Half, kHeadDim>>(call);
  } else {
    hopper_attention_queries_backward<HopperQueries<Half, kHeadDim>>(call);
  }
}

template <HopperKernel kKernel, class Half, int kHeadDim>
void launch_hopper(const HopperAttentionCall& call, cudaStream_t stream) {
  constexpr bool kOwnsKeys = kKernel == HopperKernel::keys_backward;
  using Shape = HopperShape<Half, kHeadDim, kKernel == HopperKernel::forward ? 1 : 2,
                            hopper_other_rows(kKernel, kHeadDim), kOwnsKeys>;
  const auto kernel = hopper_kernel<kKernel, Half, kHeadDim>;
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Shape::kSharedBytes);
  const int64_t rows = kOwnsKeys ? call.flash.mask.keys : call.flash.queries;
  const int64_t num_tiles = (rows + Shape::kRows - 1) / Shape::kRows;
  const auto num_blocks = static_cast<unsigned>(num_tiles * call.flash.units);
  kernel<<<num_blocks, kHopperThreads, Shape::kSharedBytes, stream>>>(call);
}

}  // namespace

template <HopperKernel kKernel, int kHeadDim>
void HopperAttentionOf<kKernel, kHeadDim>::start(const HopperAttentionCall& call, HalfFormat format,
                                                 cudaStream_t stream) {
  if (format == HalfFormat::bf16) return launch_hopper<kKernel, Bf16, kHeadDim>(call, stream);
  launch_hopper<kKernel, Fp16, kHeadDim>(call, stream);
}

}  // namespace nextframe
