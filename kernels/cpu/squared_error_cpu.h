// This file is the squared error of each frame on the CPU; float32, contiguous.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/choose_loops.h"

namespace nextframe::cpu {

at::Tensor frame_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT,
                               const Loops& with = loops());

/// The gradient of a; that of b is its negative.
at::Tensor frame_squared_error_backward(const at::Tensor& a_BT, const at::Tensor& b_BT,
                                        const at::Tensor& grad_BT, const Loops& with = loops());

}  // namespace nextframe::cpu
