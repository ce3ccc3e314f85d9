// The linear layer: float32 master weights, products in bfloat16 or float32, optionally fused with
// the norm before it and the residual addition after it. And SwiGLU, the gate of a feed-forward
// layer.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// y = x weight^T over the last dimension, no bias.
///   x        [..., in]   weight  float32 [out, in]
///   returns  [..., out], bfloat16 if `bf16`, else float32
/// With `bf16`, both factors of all three products (forward and backward) are rounded to
/// bfloat16; the weight's gradient is float32.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, bool bf16);

struct SumAndProduct {
  at::Tensor sum;      // the input: the residual stream goes on
  at::Tensor product;  // [..., out], as linear's
};

/// The start of a layer: linear(norm(sum)), with the norm of kernels/norm.h. Use the returned
/// `sum` from there on: then its two gradients are added in the same pass.
///   sum  float32 [..., in]
SumAndProduct norm_linear(const at::Tensor& sum, const at::Tensor& weight, bool bf16);

/// The end of a layer: sum + linear(x), float32.
///   sum  float32 [..., out]
at::Tensor add_linear(const at::Tensor& sum, const at::Tensor& x, const at::Tensor& weight,
                      bool bf16);

/// The end of a feed-forward layer: add_linear(sum, swiglu(x)).
///   x  [..., 2 in]
at::Tensor add_gated_linear(const at::Tensor& sum, const at::Tensor& x, const at::Tensor& weight,
                            bool bf16);

/// silu(left half) * right half of the last dimension; computed in float32.
///   x        [..., 2F] float32 or bfloat16
///   returns  [..., F], as x
at::Tensor swiglu(const at::Tensor& x);

}  // namespace nextframe
