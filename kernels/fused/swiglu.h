// This file is SwiGLU for tensors of either device, in one pass over memory each way; float32 or
// bfloat16, contiguous.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/choose_loops.h"

namespace nextframe::fused {

at::Tensor swiglu(const at::Tensor& x, const cpu::Loops& with = cpu::loops());
at::Tensor swiglu_backward(const at::Tensor& x, const at::Tensor& grad,
                           const cpu::Loops& with = cpu::loops());

}  // namespace nextframe::fused
