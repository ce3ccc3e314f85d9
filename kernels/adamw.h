// AdamW over flat buffers, with gradient scaling and the weight average (EMA) in the same pass; and
// the squared norm for clipping.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/choose_loops.h"

namespace nextframe {

/// The settings of AdamW (Loshchilov & Hutter 2019, algorithm 2; decoupled decay, scaled by
/// the current learning rate) that are the same in every step.
struct AdamWConstants {
  double beta1, beta2, epsilon;
  double weight_decay;
};

/// What changes from step to step.
struct AdamWStep {
  double lr;
  double gradient_scale;  // 1 / total weight, times the clipping factor
  double ema_decay;       // of the weight average; unused without one
  int64_t step;           // 1 for the first; corrects the bias of the moments
};

/// A step's numbers, computed in float64 and rounded to float32 once: cpu::AdamWNumbers as
/// float32 [7] on the host. Kernels read them from memory, so a step that was captured in a
/// CUDA graph does the next step once new numbers were copied there. The last one, is_bad, is
/// 0.
at::Tensor adamw_numbers(const AdamWConstants& constants, const AdamWStep& step);
inline constexpr int64_t kAdamWNumbers = sizeof(cpu::AdamWNumbers) / sizeof(float);

/// Updates values, moments and average in place; does nothing if the numbers say is_bad. All
/// tensors are float32, contiguous, of equal length and on the device of `numbers`; `average`
/// may be undefined. Values decay only if constants.weight_decay is not 0, whatever the
/// numbers were made for. An element gets the same bits wherever it is in the buffer, and on
/// either device. Bytes moved per element: 16 read and 12 written, 4 + 4 more with an average.
void adamw(const at::Tensor& values, const at::Tensor& gradients, const at::Tensor& moment1,
           const at::Tensor& moment2, const at::Tensor& average, const AdamWConstants& constants,
           const at::Tensor& numbers, const cpu::Loops& with = cpu::loops());

/// The definition in LibTorch's operations; the CPU's loop is tested against it.
void adamw_definition(const at::Tensor& values, const at::Tensor& gradients,
                      const at::Tensor& moment1, const at::Tensor& moment2,
                      const at::Tensor& average, const AdamWConstants& constants,
                      const at::Tensor& numbers);

/// Sum of x^2 over a contiguous float32 tensor. On the CPU element i goes to partial sum i mod 8,
/// and the partial sums are added in pairs; on CUDA the order is
/// that of kernels/cuda/square_sums.cuh. Either depends on nothing but the length.
double squared_norm(const at::Tensor& x, const cpu::Loops& with = cpu::loops());

/// The same, written to `result`, a float64 scalar on the device of x, without waiting for the
/// device.
void squared_norm_to(const at::Tensor& result, const at::Tensor& x,
                     const cpu::Loops& with = cpu::loops());

}  // namespace nextframe
