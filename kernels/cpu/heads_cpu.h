// This file is split_heads on the CPU: norm, turn and transpose in one pass over memory each way.
#pragma once

#include "kernels/heads.h"

namespace nextframe::cpu {

Heads split_heads(const at::Tensor& projections, int64_t num_heads, const Rotation& rotation,
                  Along along);

/// The gradient of `projections`.
at::Tensor split_heads_backward(const at::Tensor& projections, int64_t num_heads,
                                const Rotation& rotation, Along along, const Heads& grad);

}  // namespace nextframe::cpu
