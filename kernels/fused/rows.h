// RMSNorm and SwiGLU, fused into one pass over memory each way, for checked contiguous tensors on
// the CPU or a GPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

#include "kernels/cpu/choose_loops.h"

namespace nextframe::fused {

/// {x + update, its norm}; x float32, update of the norm's dtype or undefined (then the first
/// result is x itself); both contiguous.
std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& update,
                                               at::ScalarType norm_dtype,
                                               const cpu::Loops& with = cpu::loops());

/// The gradients of x and, if it is wanted, of update (the same number, rounded to the norm's
/// dtype), from those of the sum, which may be undefined, and of the norm.
std::pair<at::Tensor, at::Tensor> add_rms_norm_backward(const at::Tensor& sum,
                                                        const at::Tensor& grad_sum,
                                                        const at::Tensor& grad_norm,
                                                        bool wants_update,
                                                        const cpu::Loops& with = cpu::loops());

/// x + update in float32.
at::Tensor add(const at::Tensor& x, const at::Tensor& update,
               const cpu::Loops& with = cpu::loops());

at::Tensor swiglu(const at::Tensor& x, const cpu::Loops& with = cpu::loops());
at::Tensor swiglu_backward(const at::Tensor& x, const at::Tensor& grad,
                           const cpu::Loops& with = cpu::loops());

}  // namespace nextframe::fused
