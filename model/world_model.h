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

/// The loss of one grain, as a sum and its weight, never a mean: grains with different numbers
/// of valid frames must add up to the same step whichever rank computes them.
struct LossTerms {
  at::Tensor sum;     // float32 scalar, differentiable
  at::Tensor weight;  // float64 scalar on the batch's device: number of valid elements in `sum`
  std::map<std::string, at::Tensor>
      sums;  // named statistics, summed over the same elements, detached
};

struct RolloutOptions {
  int64_t denoise_steps = 4;  // for sampling objectives; `regress` has none
  uint64_t seed = 0;          // for the noise of sampling objectives
  at::Tensor sample_ids_B{};  // int64, the episode of each row, keys its noise; undefined means 0
  int64_t first_frame = 0;    // the number of the rows' first frame in their episodes
  bool from_memory = true;    // use a KV cache of earlier frames, if the model has one
};

/// A model that learns to predict the next frame of a clip. forward changes no buffers.
class WorldModel : public torch::nn::Module {
 public:
  /// Sets the runner of the trunk's blocks. Returns false if the model has no such blocks;
  /// then neither activation checkpointing nor FSDP can be used with it.
  virtual bool run_blocks_with(std::shared_ptr<BlockRunner> /*runner*/) { return false; }

  /// The next-frame loss of a grain; its noise is keyed by `draw` and the sample ids. Neither
  /// forward nor backward may read a number back from the device or take arguments that
  /// change from step to step, so that both can be captured in a CUDA graph.
  ///   draw  seed and step, see as_tensor() in kernels/draws.h; on the device of the batch
  virtual LossTerms loss(const Batch& batch, const at::Tensor& draw) = 0;

  /// Teacher forcing: predictions of frames 1 .. T-1, each from the true frames before it.
  ///   frames_BTHWC  uint8      actions_BTA  float32
  ///   returns       [B, T-1, H, W, C] float32 in [0, 1]
  virtual at::Tensor one_step(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                              const RolloutOptions& options) = 0;

  /// Rolls out (dreams) from true frames: frame t is predicted from the frames before it, own
  /// predictions included. Each layer attends to the clip_frames - 1 newest of them. With a
  /// KV cache, keys and values were computed when a frame was new, from older frames, too;
  /// else they are recomputed from the window's frames only. Both are equal as long as no
  /// frame has left the window.
  ///   context_BTHWC  uint8, T = number of context frames >= 1
  ///   actions_BTA    float32, T = context frames + dreamed frames - 1
  ///   returns        the dreamed frames, [B, actions T - context T + 1, H, W, C] float32 in [0, 1]
  virtual at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                             const RolloutOptions& options) = 0;

  /// How many matrices with equally many rows stand one below the other in a parameter of a block:
  /// 3 where one product makes queries, keys and values. Muon orthogonalises each by itself.
  virtual int64_t matrices_in(const std::string& /*parameter*/) const { return 1; }

  /// The number of tokens of one clip; 0 for a model without tokens.
  virtual int64_t tokens_per_clip() const { return 0; }

  /// Floating-point operations of one clip's products, forward and backward; 0 if unknown.
  virtual double flops_per_clip() const { return 0; }
};

}  // namespace nextframe
