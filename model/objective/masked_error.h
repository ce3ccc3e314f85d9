// What objectives share: which frames count, and their squared error.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// 1 where frames t and t+1 are both real, [B, T-1] float32.
at::Tensor valid_pairs(const at::Tensor& mask_BT);

/// [B, T] as [B, T, 1, ...], to be combined with frames x.
at::Tensor per_frame(const at::Tensor& value_BT, const at::Tensor& x_BT);

/// Sum over frames of weight_BT * sum over elements of (a - b)^2; float32 scalar.
at::Tensor weighted_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT,
                                  const at::Tensor& weight_BT);

/// The sum of weight_BT over all elements of frames x: a float64 scalar on the device.
at::Tensor total_weight(const at::Tensor& weight_BT, const at::Tensor& x_BT);

}  // namespace nextframe
