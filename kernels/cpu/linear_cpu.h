// Our own linear layer in bfloat16 for CPUs that gain from it: fuses the norm before it and the
// residual addition after it, and keeps the weight's gradient in float32.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/choose_loops.h"

namespace nextframe::cpu {

/// Whether `with` has a linear layer for a weight of this shape and type.
bool has_linear(const at::Tensor& weight, const Loops& with = loops());

/// The inputs of x W^T and of what is fused with it. All tensors are contiguous.
struct LinearInputs {
  LinearSource source;
  at::Tensor x;  // kRows: bfloat16 [..., in]; kNorm: float32 [..., in]; kGate: bfloat16 [..., 2 in]
  at::Tensor weight;  // float32 [out, in]
  at::Tensor sum;     // float32 [..., out], added to the product; or undefined
};

/// bfloat16 [..., out], or float32 where there is a sum.
at::Tensor linear(const LinearInputs& inputs, const Loops& with = loops());

struct LinearGradients {
  at::Tensor x;       // as x; undefined if it is not wanted
  at::Tensor weight;  // float32; undefined if it is not wanted
};

/// `grad` has the shape and type of linear()'s result. `grad_x_sum`, with a norm, is another
/// gradient that is added to x's, or undefined.
LinearGradients linear_backward(const LinearInputs& inputs, const at::Tensor& grad,
                                const at::Tensor& grad_x_sum, bool wants_x, bool wants_weight,
                                const Loops& with = loops());

}  // namespace nextframe::cpu
