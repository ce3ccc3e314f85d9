// An update rule: how one kind of tensor changes in a step.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "trainer/parallel/flat_parameters.h"
#include "trainer/trainer_config.h"

namespace nextframe {

/// What one rank holds of one tensor, as flat float32 buffers of equal length.
struct TensorPart {
  const FlatTensor& tensor;
  at::Tensor values, gradient, moment1, moment2;
  at::Tensor average;  // undefined without a weight average
};

/// What changes from step to step.
struct UpdateStep {
  double lr;
  double gradient_scale;  // 1 / total weight, times the clipping factor
  double ema_decay;       // of the weight average; unused without one
  int64_t step;           // 1 for the first
};

class UpdateRule {
 public:
  virtual ~UpdateRule() = default;

  /// The numbers of a step, as float32 [n] on the host. The optimizer copies it to one
  /// place on the device before each step, and then writes GradientNorm::is_bad to its last
  /// element, which is 0 here.
  virtual at::Tensor numbers(const UpdateStep& step) const = 0;

  /// Updates a part in place; changes nothing if the last number is not 0. `numbers` is where the
  /// step's numbers lie on the device. It may be recorded in a CUDA graph, so it must read nothing
  /// back from the device, and no argument may change from step to step.
  virtual void update(const TensorPart& part, const at::Tensor& numbers) const = 0;
};

std::unique_ptr<UpdateRule> make_adamw_rule(const OptimizerConfig& config);

}  // namespace nextframe
