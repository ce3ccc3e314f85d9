// Forward and backward of one grain (microbatch), run eagerly or replayed from a CUDA graph.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "model/world_model.h"
#include "trainer/graphs/cuda_graphs.h"
#include "trainer/parallel/flat_parameters.h"

namespace nextframe {

class GrainPass {
 public:
  /// References outlive it.
  GrainPass(WorldModel& model, FlatParameters& parameters, ReplayedGraph work = {})
      : model_(model), parameters_(parameters), work_(std::move(work)) {}

  /// Clears the gradients, then adds those of the grain.
  ///   draw             see WorldModel::loss
  ///   may_replay       nobody has to hear of gradients while they are made
  ///   before_backward  called once; before all that is replayed, else behind forward
  ///   returns          the model's terms, detached; those of a replay are all float64, which holds
  ///                    the same numbers
  LossTerms run(const Batch& batch, const at::Tensor& draw, bool may_replay,
                const std::function<void()>& before_backward);

 private:
  /// Where replays find what a grain is made of.
  struct Inputs {
    Batch batch;
    at::Tensor draw;
  };

  LossTerms run_eagerly(const Inputs& inputs, const std::function<void()>& before_backward);
  bool copy_inputs(const Inputs& inputs);
  void store_terms(const LossTerms& terms);
  LossTerms result() const;

  WorldModel& model_;
  FlatParameters& parameters_;
  ReplayedGraph work_;
  Inputs inputs_;                   // undefined before the first replayable grain
  std::vector<std::string> names_;  // of the model's statistics
  at::Tensor stored_terms_;         // float64: sum, weight and statistics, where replays store them
};

}  // namespace nextframe
