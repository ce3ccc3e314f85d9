// This file is what "placed" means for queries and keys, in LibTorch's operations: normalised, then
// turned by their positions.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/rotary.h"

namespace nextframe {

/// x / sqrt(mean(x^2) + kNormEpsilon) over F if `normalise`, then each pair turned by the angles of
/// its row, in the precision of x.
///   x_OLIKF  [O, L, I, K, F]     rotation  rows first .. first + L - 1 are taken; undefined: not
///   turned
at::Tensor norm_rope(const at::Tensor& x_OLIKF, bool normalise, const Rotation& rotation,
                     int64_t first);

}  // namespace nextframe
