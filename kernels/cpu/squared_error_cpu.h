// This file is the squared error of each frame on the CPU; float32, contiguous.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe::cpu {

at::Tensor frame_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT);

/// The gradient of a; that of b is its negative.
at::Tensor frame_squared_error_backward(const at::Tensor& a_BT, const at::Tensor& b_BT,
                                        const at::Tensor& grad_BT);

}  // namespace nextframe::cpu
