// The optimizer: holds the state of a run (parameters, moments, weight average) in flat buffers,
// and updates each tensor by its rule (trainer/optimizer/update_rule.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "trainer/graphs/cuda_graphs.h"
#include "trainer/optimizer/update_rules.h"
#include "trainer/parallel/flat_parameters.h"
#include "trainer/parallel/sharding.h"

namespace nextframe {

/// A named buffer of the optimizer's state, laid out as FlatParameters, or packed.
struct StateBuffer {
  std::string name;  // parameters | moment1 | moment2 | ema
  at::Tensor values;
  const std::vector<ChunkSpan>* owned = nullptr;  // what this rank has, packed; null: everything
  int64_t copy = 0, num_copies = 1;               // number of this rank's copy of that
  const std::vector<int64_t>* tensors = nullptr;  // that have such state on any rank; null: all
};

class Optimizer {
 public:
  /// Without `sharding` this rank holds and updates everything. With it (ZeRO; it outlives the
  /// optimizer) the rank holds moments and average of what it owns only, and each update
  /// all-gathers the parameters, unless these are sharded, too. `work` may replay an update
  /// that communicates nothing. `parameters` and `rules` outlive it, too.
  Optimizer(FlatParameters& parameters, const UpdateRules& rules, Sharding* sharding = nullptr,
            ReplayedGraph work = {});

  /// Makes one update from the sum of all grains' gradients: the whole one, or this rank's shard.
  /// Collective.
  ///   step    1 for the first
  ///   scale   1 / total weight and the clipping factor, multiplied
  ///   is_bad  GradientNorm's scalar on the device: if it is not 0, the update changes nothing;
  ///           undefined means 0
  void update(const at::Tensor& gradient_sum, int64_t step, double lr, double scale,
              const at::Tensor& is_bad = {});

  /// Parameters, both moments and the weight average, if there is one: all tensors of a checkpoint.
  std::vector<StateBuffer> state() const;

  /// Runs `body` with the weight average (EMA), if there is one, in place of the parameters.
  /// With sharding, all ranks have all parameters meanwhile, and the call is collective.
  void with_average(const std::function<void()>& body);

 private:
  void pack_moment2();
  void update_part(const TensorRange& tensors, const at::Tensor& gradient_sum);

  FlatParameters& parameters_;
  const UpdateRules& rules_;
  ChunkOwners everything_;                // of one rank
  Sharding* sharding_;                    // null where nothing is sharded
  const std::vector<ChunkSpan>& spans_;   // that this rank updates
  at::Tensor packed_values_;              // undefined unless parameters are sharded
  at::Tensor moment1_, average_;          // as the values
  at::Tensor moment2_;                    // of tensors whose rule has one; packed, unless all have
  std::vector<int64_t> moment2_offsets_;  // as spans_; -1: none
  std::vector<ChunkSpan> moment2_spans_;  // of spans_ those that have one, with their place in it
  std::vector<int64_t> moment2_tensors_;  // as StateBuffer::tensors
  int64_t copy_ = 0, num_copies_ = 1;
  std::vector<at::Tensor> numbers_;  // of the step, by rule; see UpdateRule::numbers()
  ReplayedGraph work_;
};

}  // namespace nextframe
