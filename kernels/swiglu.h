// This file is the gate between the two products of a feed-forward layer (Shazeer 2020, SwiGLU).
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// silu(left half) * right half of the last dimension; computed in float32.
///   x        [..., 2F] float32 or bfloat16
///   returns  [..., F], as x
at::Tensor swiglu(const at::Tensor& x);

}  // namespace nextframe
