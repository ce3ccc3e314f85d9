// This file is the seam between the choice of a head dimension and the .cu files, one each.
#pragma once

#include "kernels/cuda/short_attention.h"

namespace nextframe {

template <int kHeadDim>
struct ShortAttentionOf {
  static void forward(const ShortAttentionCall& call, HalfFormat format, cudaStream_t stream);
  static void backward(const ShortAttentionCall& call, HalfFormat format, cudaStream_t stream);
};

}  // namespace nextframe
