// This file is SwiGLU on the CPU, in one pass over memory each way; float32 or bfloat16,
// contiguous.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/choose_loops.h"

namespace nextframe::cpu {

at::Tensor swiglu(const at::Tensor& x, const Loops& with = loops());
at::Tensor swiglu_backward(const at::Tensor& x, const at::Tensor& grad,
                           const Loops& with = loops());

}  // namespace nextframe::cpu
