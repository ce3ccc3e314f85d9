// This file is what objectives share: which frames count, and their squared error.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// 1 where frames t and t+1 are both real, [B, T-1] float32.
at::Tensor valid_pairs(const at::Tensor& mask_BT);

/// Sum over frames of weight_BT * sum over elements of (a - b)^2; float32 scalar.
at::Tensor weighted_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT,
                                  const at::Tensor& weight_BT);

/// Numbers in one frame.
int64_t frame_elements(const at::Tensor& x_BT);

}  // namespace nextframe
