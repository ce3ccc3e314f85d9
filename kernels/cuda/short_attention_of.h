// Declares short attention for each head dimension; one .cu file defines each.
#pragma once

#include "kernels/cuda/short_attention.h"

namespace nextframe {

template <int kHeadDim>
struct ShortAttentionOf {
  static void forward(const ShortAttentionCall& call, HalfFormat format, cudaStream_t stream);
  static void backward(const ShortAttentionCall& call, HalfFormat format, cudaStream_t stream);
};

}  // namespace nextframe
