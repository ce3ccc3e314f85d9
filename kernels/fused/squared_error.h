// This file is the squared error of each frame on either device; float32, contiguous.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/choose_loops.h"

namespace nextframe::fused {

at::Tensor frame_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT,
                               const cpu::Loops& with = cpu::loops());

/// The gradient of a; that of b is its negative.
at::Tensor frame_squared_error_backward(const at::Tensor& a_BT, const at::Tensor& b_BT,
                                        const at::Tensor& grad_BT,
                                        const cpu::Loops& with = cpu::loops());

}  // namespace nextframe::fused
