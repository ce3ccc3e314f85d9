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
  GrainPass(Model& model, FlatParameters& parameters, ReplayedGraph work = {})
      : model_(model), parameters_(parameters), work_(std::move(work)) {}

  /// Clears the gradients, then runs forward and backward of the grain.
  ///   draw             see Model::loss
  ///   may_replay       no hook needs to see gradients during backward
  ///   before_backward  called once: between forward and backward, or before a replay
  ///   returns          the model's loss terms, detached; from a replay they are float64, with the
  ///                    same values
  LossTerms run(const Batch& batch, const at::Tensor& draw, bool may_replay,
                const std::function<void()>& before_backward);

 private:
  /// The fixed tensors from which replays read their grain.
  struct Inputs {
    Batch batch;
    at::Tensor draw;
  };

  LossTerms run_eagerly(const Inputs& inputs, const std::function<void()>& before_backward);
  bool copy_inputs(const Inputs& inputs);
  void store_terms(const LossTerms& terms);
  LossTerms result() const;

  Model& model_;
  FlatParameters& parameters_;
  ReplayedGraph work_;
  Inputs inputs_;                   // undefined before the first replayable grain
  std::vector<std::string> names_;  // of the model's statistics
  at::Tensor stored_terms_;         // float64: sum, weight and statistics, where replays store them
};

}  // namespace nextframe
