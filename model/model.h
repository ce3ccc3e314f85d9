// What the trainer trains: the interface between models and the trainer.
#pragma once

#include <torch/nn/module.h>

#include <map>
#include <memory>
#include <string>

#include "data/batch.h"
#include "model/block_runner.h"

namespace nextframe {

/// The loss of one grain, as a sum and its weight, never a mean: grains with different numbers
/// of valid frames must add up to the same step whichever rank computes them.
struct LossTerms {
  at::Tensor sum;     // float32 scalar, differentiable
  at::Tensor weight;  // float64 scalar on the batch's device: number of valid elements in `sum`
  std::map<std::string, at::Tensor>
      sums;  // named statistics, summed over the same elements, detached
};

/// What the trainer trains. forward changes no buffers.
class Model : public torch::nn::Module {
 public:
  /// Sets the runner of the trunk's blocks. Returns false if the model has no such blocks;
  /// then neither activation checkpointing nor FSDP can be used with it.
  virtual bool run_blocks_with(std::shared_ptr<BlockRunner> /*runner*/) { return false; }

  /// The loss of a grain; its noise is keyed by `draw` and the sample ids. Neither
  /// forward nor backward may read a number back from the device or take arguments that
  /// change from step to step, so that both can be captured in a CUDA graph.
  ///   draw  seed and step, see as_tensor() in kernels/draws.h; on the device of the batch
  virtual LossTerms loss(const Batch& batch, const at::Tensor& draw) = 0;

  /// How many matrices with equally many rows stand one below the other in a parameter of a block:
  /// 3 where one product makes queries, keys and values. Muon orthogonalises each by itself.
  virtual int64_t matrices_in(const std::string& /*parameter*/) const { return 1; }

  /// Figures of the parameters alone, for metrics.jsonl: the share of codes in use. Asked on the
  /// host at logged steps, where all parameters are whole.
  virtual std::map<std::string, double> monitors() const { return {}; }

  /// The number of tokens of one clip; 0 for a model without tokens.
  virtual int64_t tokens_per_clip() const { return 0; }

  /// Floating-point operations of one clip's products, forward and backward; 0 if unknown.
  virtual double flops_per_clip() const { return 0; }
};

}  // namespace nextframe
