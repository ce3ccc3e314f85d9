// The sum of squares of a chunk in float64, in one fixed order of additions.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/choose_loops.h"

namespace nextframe {

/// Sum of x^2 over a contiguous float32 tensor. On the CPU element i goes to partial sum i mod 8,
/// and the partial sums are added in pairs; on CUDA the order is
/// that of kernels/cuda/square_sums.cuh. Either depends on nothing but the length.
double squared_norm(const at::Tensor& x, const cpu::Loops& with = cpu::loops());

/// The same, written to `result`, a float64 scalar on the device of x, without waiting for the
/// device.
void squared_norm_to(const at::Tensor& result, const at::Tensor& x,
                     const cpu::Loops& with = cpu::loops());

}  // namespace nextframe
