// What a .cu file instantiates for flash attention backward with one head dimension.
#pragma once

#include "kernels/cuda/flash_attention_backward.cuh"
#include "kernels/cuda/flash_attention_launch.cuh"

namespace nextframe {
namespace {

template <class Shape>
__global__ void __launch_bounds__(kFlashThreads, 2)
    flash_keys_kernel(const __grid_constant__ FlashAttentionCall call) {
  flash_attention_keys_backward<Shape>(call);
}
template <class Shape>
__global__ void __launch_bounds__(kFlashThreads, 2)
    flash_queries_kernel(const __grid_constant__ FlashAttentionCall call) {
  flash_attention_queries_backward<Shape>(call);
}

template <class Half, int kHeadDim>
void launch_flash_backward(const FlashAttentionCall& call, cudaStream_t stream) {
  using Keys = FlashKeys<Half, kHeadDim>;
  using Queries = FlashQueries<Half, kHeadDim>;
  launch_flash(flash_keys_kernel<Keys>, call.mask.keys, Keys::kRows, Keys::kKeysBytes, call,
               stream);
  launch_flash(flash_queries_kernel<Queries>, call.queries, Queries::kRows, Queries::kQueriesBytes,
               call, stream);
}

}  // namespace

template <int kHeadDim>
void FlashAttentionOf<kHeadDim>::backward(const FlashAttentionCall& call, HalfFormat format,
                                          cudaStream_t stream) {
  if (format == HalfFormat::bf16) return launch_flash_backward<Bf16, kHeadDim>(call, stream);
  launch_flash_backward<Fp16, kHeadDim>(call, stream);
}

}  // namespace nextframe
