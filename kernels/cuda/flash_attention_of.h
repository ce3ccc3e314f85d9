// Declares flash attention for each head dimension; two .cu files define each.
#pragma once

#include "kernels/cuda/flash_attention.h"

namespace nextframe {

template <int kHeadDim>
struct FlashAttentionOf {
  static void forward(const FlashAttentionCall& call, HalfFormat format, cudaStream_t stream);
  static void backward(const FlashAttentionCall& call, HalfFormat format, cudaStream_t stream);
};

}  // namespace nextframe
