// AdamW over flat buffers, with gradient scaling and the weight average (EMA) in the same pass.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/choose_loops.h"

namespace nextframe {

/// AdamW (Loshchilov & Hutter 2019, algorithm 2, decay by the current learning rate): what is the
/// same in every step.
struct AdamWConstants {
  double beta1, beta2, epsilon;
  double weight_decay;
};

/// What is not.
struct AdamWStep {
  double lr;
  double gradient_scale;  // 1 / total weight, and the clipping factor
  double ema_decay;       // of the weight average; unused without one
  int64_t step;           // 1 for the first; corrects the bias of the moments
};

/// A step's numbers, computed in float64 and rounded to float32 once, for the device that reads
/// them: cpu::AdamWNumbers as float32 [7] on the host. A step that was captured once (kernel
/// launches and their arguments) does another one after other numbers were copied to the same
/// place. The last one, is_bad, is 0.
at::Tensor adamw_numbers(const AdamWConstants& constants, const AdamWStep& step);
inline constexpr int64_t kAdamWNumbers = sizeof(cpu::AdamWNumbers) / sizeof(float);

/// Updates values, moments and average in place, or none of them where the numbers say is_bad. All
/// are float32, contiguous, of equal length, on one device, as are `numbers`; `average` may be
/// undefined. Without constants.weight_decay values do not decay, whatever the numbers were made
/// for. An element gets the same bits wherever it stands in the buffer, and on either device. Bytes
/// moved per element: 16 read and 12 written, 4 + 4 more with an average.
void adamw(const at::Tensor& values, const at::Tensor& gradients, const at::Tensor& moment1,
           const at::Tensor& moment2, const at::Tensor& average, const AdamWConstants& constants,
           const at::Tensor& numbers, const cpu::Loops& with = cpu::loops());

/// The definition in LibTorch's operations, against which the CPU's loop is tested.
void adamw_definition(const at::Tensor& values, const at::Tensor& gradients,
                      const at::Tensor& moment1, const at::Tensor& moment2,
                      const at::Tensor& average, const AdamWConstants& constants,
                      const at::Tensor& numbers);

}  // namespace nextframe
