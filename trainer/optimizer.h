// This file is AdamW over flat buffers, with clipping and the weight average in the same pass.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "kernels/base/fields.h"
#include "trainer/flat_parameters.h"

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

/// A named flat buffer of the run's state, laid out as FlatParameters.
struct StateBuffer {
  std::string name;  // parameters | moment1 | moment2 | ema
  at::Tensor values;
};

class Optimizer {
 public:
  Optimizer(const OptimizerConfig& config, FlatParameters& parameters);

  /// One update from the sum of all grains' gradients.
  ///   step    1 for the first
  ///   scale   1 / total weight and the clipping factor, multiplied
  void update(const at::Tensor& gradient_sum, int64_t step, double lr, double scale);

  /// Parameters, moments and, if kept, the weight average: all that a checkpoint and a digest hold.
  std::vector<StateBuffer> state() const;

  /// Runs `body` with the weight average, if one is kept, in the place of the parameters.
  void with_average(const std::function<void()>& body);

 private:
  OptimizerConfig config_;
  FlatParameters& parameters_;
  at::Tensor moment1_, moment2_, average_;
};

/// The Euclidean norm of a flat gradient: fp64 sums over chunks, summed by the fixed tree over
/// chunk numbers.
double gradient_norm(const FlatParameters& parameters, const at::Tensor& gradient);

}  // namespace nextframe
