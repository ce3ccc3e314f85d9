// What a .cu file instantiates for flash attention forward with one head dimension.
#pragma once

#include "kernels/cuda/flash_attention_forward.cuh"
#include "kernels/cuda/flash_attention_launch.cuh"

namespace nextframe {
namespace {

template <class Shape>
__global__ void __launch_bounds__(kFlashThreads, 2)
    flash_forward_kernel(const __grid_constant__ FlashAttentionCall call) {
  flash_attention_forward<Shape>(call);
}

template <class Shape>
void launch_flash_forward(const FlashAttentionCall& call, cudaStream_t stream) {
  launch_flash(flash_forward_kernel<Shape>, call.queries, Shape::kRows, Shape::kForwardBytes, call,
               stream);
}

}  // namespace

template <int kHeadDim>
void FlashAttentionOf<kHeadDim>::forward(const FlashAttentionCall& call, HalfFormat format,
                                         cudaStream_t stream) {
  if (format == HalfFormat::bf16) {
    return launch_flash_forward<FlashForward<Bf16, kHeadDim>>(call, stream);
  }
  launch_flash_forward<FlashForward<Fp16, kHeadDim>>(call, stream);
}

}  // namespace nextframe
