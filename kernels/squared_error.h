// This file is the squared error of each frame, the inside of every loss on pixels.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// The sum of (a - b)^2 over the elements of each frame.
///   a, b     [B, T, ...], one shape and dtype
///   returns  [B, T], as a
at::Tensor frame_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT);

}  // namespace nextframe
