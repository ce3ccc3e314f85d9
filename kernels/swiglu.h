// SwiGLU (Shazeer 2020), the gate between the two products of a feed-forward layer.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// silu(left half) * right half of the last dimension; computed in float32.
///   x        [..., 2F] float32 or bfloat16
///   returns  [..., F], as x
at::Tensor swiglu(const at::Tensor& x);

}  // namespace nextframe
