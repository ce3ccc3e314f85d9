// This file is SwiGLU on the CPU, in one pass over memory each way; float32 or bfloat16,
// contiguous.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe::cpu {

at::Tensor swiglu(const at::Tensor& x);
at::Tensor swiglu_backward(const at::Tensor& x, const at::Tensor& grad);

}  // namespace nextframe::cpu
