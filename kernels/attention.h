// This file is attention, written out: product, mask, softmax, product.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/heads.h"

namespace nextframe {

/// Self-attention over packed projections with normalised, turned queries and keys. Along space
/// every token of a frame sees its whole frame; along time a token sees itself in frames 0 .. t.
///   projections  [B, T, N, 3D] float32 or bfloat16
///   logit_scale  a query equal to its key scores logit_scale * sqrt(D / heads)
///   returns      [B, T, N, D], as projections
at::Tensor attention(const at::Tensor& projections, int64_t num_heads, const Rotation& rotation,
                     Along along, double logit_scale);

}  // namespace nextframe
