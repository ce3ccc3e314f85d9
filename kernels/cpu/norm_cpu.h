// This file is RMSNorm on the CPU, forward and backward in one pass over memory each.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

#include "kernels/cpu/choose_loops.h"

namespace nextframe::cpu {

/// {x + update, its norm}; x float32, update of the norm's dtype or undefined (then the first
/// result is x itself); both contiguous.
std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& update,
                                               at::ScalarType norm_dtype,
                                               const Loops& with = loops());

/// The gradients of x and, if it is wanted, of update (the same number, rounded to the norm's
/// dtype), from those of the sum, which may be undefined, and of the norm.
std::pair<at::Tensor, at::Tensor> add_rms_norm_backward(const at::Tensor& sum,
                                                        const at::Tensor& grad_sum,
                                                        const at::Tensor& grad_norm,
                                                        bool wants_update,
                                                        const Loops& with = loops());

/// x + update in float32.
at::Tensor add(const at::Tensor& x, const at::Tensor& update, const Loops& with = loops());

}  // namespace nextframe::cpu
