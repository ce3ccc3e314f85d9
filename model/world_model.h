// The world model: the one interface between models and the rest of the program.
//
// Shape letters of the project:
//   B clips per grain   T frames per clip   H,W pixels   C channels
//   A action width      N tokens per frame  D model width
//   K heads             V codes             E values per patch
#pragma once

#include <torch/nn/module.h>

#include <map>
#include <memory>
#include <string>

#include "data/batch.h"
#include "model/block_runner.h"

namespace nextframe {

/// What a model reports of one grain. A sum and its weight, never a mean: grains with unequal
/// numbers of valid frames must add up to the same step whoever computes them.
struct LossTerms {
  at::Tensor sum;     // float32 scalar, differentiable
  at::Tensor weight;  // float64 scalar on the batch's device: number of valid elements in `sum`
  std::map<std::string, at::Tensor>
      sums;  // named statistics, summed over the same elements; detached
};

struct RolloutOptions {
  int64_t denoise_steps = 4;  // of a sampling objective; `regress` has none
  uint64_t seed = 0;          // of a sampling objective's noise
  at::Tensor sample_ids_B{};  // int64, the episode of each row, keys its noise; undefined means 0
  int64_t first_frame = 0;    // which frame of their episodes the rows begin with
  bool from_memory = true;    // go on from what was kept of earlier frames, where a model can
};

/// A model that learns by predicting the next frame of a clip. Changes no buffer in a forward.
class WorldModel : public torch::nn::Module {
 public:
  /// Hands over who runs the blocks of the trunk. False: this model has none, so it can neither be
  /// recomputed in backward nor have its parameters sharded.
  virtual bool run_blocks_with(std::shared_ptr<BlockRunner> /*runner*/) { return false; }

  /// Next-frame loss over a grain; its noise is keyed by `draw` and the sample ids. Neither it nor
  /// its backward asks the device for a number or is given one that changes from step to step, so
  /// that both can be captured in a CUDA graph.
  ///   draw  seed and step, see as_tensor() in kernels/draws.h; on the device of the batch
  virtual LossTerms loss(const Batch& batch, const at::Tensor& draw) = 0;

  /// Predictions of frames 1 .. T-1, each from the true frames before it.
  ///   frames_BTHWC  uint8      actions_BTA  float32
  ///   returns       [B, T-1, H, W, C] float32 in [0, 1]
  virtual at::Tensor one_step(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                              const RolloutOptions& options) = 0;

  /// Dreams on from true frames: frame t is predicted from frames before t, own predictions
  /// included. Each layer looks at clip_frames - 1 of them, the newest. From memory, what a layer
  /// kept of them was made when they were new; else it is made again from those frames alone, which
  /// is the same as long as there are no older ones.
  ///   context_BTHWC  uint8, T = number of context frames >= 1
  ///   actions_BTA    float32, T = context frames + dreamed frames - 1
  ///   returns        the dreamed frames, [B, actions T - context T + 1, H, W, C] float32 in [0, 1]
  virtual at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                             const RolloutOptions& options) = 0;

  /// Tokens that one clip becomes; 0 for a model without tokens.
  virtual int64_t tokens_per_clip() const { return 0; }

  /// Floating-point operations of one clip's forward and backward products; 0 when not known.
  virtual double flops_per_clip() const { return 0; }
};

}  // namespace nextframe
