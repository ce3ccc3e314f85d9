// RMSNorm (Zhang and Sennrich 2019) without a gain, since the product that follows can hold it.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// Added to the mean square.
inline constexpr double kNormEpsilon = 1e-5;

struct SumAndNorm {
  at::Tensor sum;   // x + update, float32: the residual stream goes on
  at::Tensor norm;  // sum / sqrt(mean(sum^2) + kNormEpsilon) over the last dimension
};

/// The residual addition at the end of one layer and the norm at the start of the next, in one
/// pass.
///   x       float32 [..., D]      update  float32 or bfloat16 [..., D]
///   norm    as update
SumAndNorm add_rms_norm(const at::Tensor& x, const at::Tensor& update);

/// x itself and its norm, in bfloat16 if `bf16`. Use the returned `sum` from there on: then
/// its two gradients are added in the same pass.
SumAndNorm keep_and_norm(const at::Tensor& x, bool bf16);

/// x + update, float32.
at::Tensor add_update(const at::Tensor& x, const at::Tensor& update);

/// The norm alone, in bfloat16 if `bf16`.
at::Tensor rms_norm(const at::Tensor& x, bool bf16);

}  // namespace nextframe
