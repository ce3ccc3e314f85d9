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
  int64_t num_matrices;  // that stand in it one below the other, with equally many rows each
  at::Tensor values, gradient, moment1;
  at::Tensor moment2;  // undefined where the rule has none
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

  /// Whether update() takes whole tensors only. Where state is sharded, all chunks of such a tensor
  /// belong to one owner.
  virtual bool needs_whole() const { return false; }

  virtual bool has_moment2() const { return true; }

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
std::unique_ptr<UpdateRule> make_muon_rule(const OptimizerConfig& config);
std::unique_ptr<UpdateRule> make_running_sum_rule();
std::unique_ptr<UpdateRule> make_codebook_rule();

}  // namespace nextframe
