// AdamW over flat buffers, with gradient clipping and the weight average (EMA) in the same pass.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "kernels/adamw.h"
#include "trainer/graphs/cuda_graphs.h"
#include "trainer/parallel/flat_parameters.h"
#include "trainer/parallel/sharding.h"
#include "trainer/trainer_config.h"

namespace nextframe {

/// A named buffer of the run's state, laid out as FlatParameters, or packed by ChunkOwners.
struct StateBuffer {
  std::string name;  // parameters | moment1 | moment2 | ema
  at::Tensor values;
  const std::vector<ChunkSpan>* owned = nullptr;  // what of it is here, packed; null: all of it
  int64_t copy = 0, num_copies = 1;               // so many ranks have the same packed
};

class Optimizer {
 public:
  /// Without `sharding` this rank holds and updates everything. With it, which outlives the
  /// optimizer, it holds moments and average of what it owns; parameters that are whole on every
  /// rank are gathered in each update. `work` may replay an update that sends nothing.
  Optimizer(const OptimizerConfig& config, FlatParameters& parameters, Sharding* sharding = nullptr,
            ReplayedGraph work = {});

  /// One update from the sum of all grains' gradients, whole or of what this rank owns. Collective.
  ///   step    1 for the first
  ///   scale   1 / total weight and the clipping factor, multiplied
  ///   is_bad  a scalar on the gradient's device, of GradientNorm: not 0 changes nothing, whatever
  ///           else was decided; undefined: 0
  void update(const at::Tensor& gradient_sum, int64_t step, double lr, double scale,
              const at::Tensor& is_bad = {});

  /// Parameters, moments and, if kept, the weight average: all that a checkpoint and a digest hold.
  std::vector<StateBuffer> state() const;

  /// Runs `body` with the weight average, if one is kept, in the place of the parameters; these are
  /// whole on every rank then. Collective where state is split.
  void with_average(const std::function<void()>& body);

 private:
  void update_part(const TensorRange& tensors, const at::Tensor& gradient_sum);

  OptimizerConfig config_;
  FlatParameters& parameters_;
  ChunkOwners everything_;               // of one rank
  Sharding* sharding_;                   // null where nothing is split
  const std::vector<ChunkSpan>& spans_;  // that this rank updates
  at::Tensor packed_values_;             // undefined where parameters are whole
  at::Tensor moment1_, moment2_, average_;
  at::Tensor numbers_;  // of the step, see adamw_numbers()
  ReplayedGraph work_;
};

}  // namespace nextframe
