// This file is the matrix product of every layer: float32 master weights, products in bfloat16 or
// float32.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// y = x weight^T over the last dimension, no bias.
///   x        [..., in]   weight  float32 [out, in]
///   returns  [..., out], bfloat16 if `bf16`, else float32
/// With `bf16` both factors of all three products, forward and backward, are rounded to bfloat16;
/// the weight's gradient leaves in float32.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, bool bf16);

}  // namespace nextframe
