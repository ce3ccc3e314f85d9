// This file is AdamW over flat buffers, with clipping and the weight average in the same pass.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/base/fields.h"

namespace nextframe {

/// The `optimizer` section of a config.
struct OptimizerConfig {
  double lr = 1e-3;  // peak learning rate
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.01;  // decoupled; on tensors of two or more dimensions
  double clip_norm = 1.0;      // of the whole gradient; 0 turns clipping off
  double ema_decay = 0.0;      // of the weight average; 0 keeps none

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

}  // namespace nextframe
