// This file is one step of AdamW over flat buffers, with gradient scaling and the weight average in
// the same pass.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/choose_loops.h"

namespace nextframe {

/// AdamW (Loshchilov & Hutter 2019, algorithm 2, decay by the current learning rate).
struct AdamWStep {
  double lr;
  double beta1, beta2, epsilon;
  double weight_decay;
  double gradient_scale;  // 1 / total weight, and the clipping factor
  double ema_decay;       // of the weight average; unused without one
  int64_t step;           // 1 for the first; corrects the bias of the moments
};

/// Updates values, moments and average in place. All are float32, contiguous, of equal length, on
/// one device; `average` may be undefined. An element gets the same bits wherever it stands in the
/// buffer, and on either device. Bytes moved per element: 16 read and 12 written, 4 + 4 more with
/// an average.
void adamw(const at::Tensor& values, const at::Tensor& gradients, const at::Tensor& moment1,
           const at::Tensor& moment2, const at::Tensor& average, const AdamWStep& step,
           const cpu::Loops& with = cpu::loops());

/// The definition in LibTorch's operations, against which the CPU's loop is tested.
void adamw_definition(const at::Tensor& values, const at::Tensor& gradients,
                      const at::Tensor& moment1, const at::Tensor& moment2,
                      const at::Tensor& average, const AdamWStep& step);

}  // namespace nextframe
