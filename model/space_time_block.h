// The transformer block with attention over space and time.
#pragma once

#include <torch/nn/module.h>

#include "kernels/rotary.h"
#include "model/parameters.h"
#include "model/time_kv_cache.h"

namespace nextframe {

struct AttentionOptions;

struct BlockShape {
  int64_t dim = 0;        // D
  int64_t mlp_width = 0;  // of the gated hidden layer
  int64_t heads = 1;
  int64_t layers = 1;         // of the model; deeper models start with smaller updates
  double logit_scale = 1.5;   // initial scale of attention logits, in units of 1 / sqrt(head width)
  int64_t window_frames = 0;  // newest frames that attention over time sees; 0: all
  bool in_time = false;       // whether it also attends over time
  bool is_joint = false;      // one attention over space and time instead, frame-causal
  bool is_ordered = false;    // of a joint one: a token sees no later token of its frame either
  bool is_full = false;       // of a joint one: a token sees all tokens, later frames' too
  bool bf16 = false;          // products in bfloat16
};

/// The width of a gated layer: a multiple of dim, rounded up to whole cache lines of bfloat16.
int64_t mlp_width_of(int64_t dim, double mlp_ratio = 8.0 / 3.0);

/// How a block goes on from a KV cache. Without one the tokens are whole clips.
struct CacheStep {
  TimeKvCache* cache = nullptr;
  bool appends = false;  // whether the tokens join the cache
  int64_t ahead = 0;     // as in TimeKvCache::attend()
};

/// Attention over space, then over time (if the block has it), or one attention over both, then a
/// feed-forward layer. Each reads the norm of the residual stream and adds to it (pre-norm).
class SpaceTimeBlock : public torch::nn::Module {
 public:
  SpaceTimeBlock(const BlockShape& shape, const ParameterMaker& make);

  /// Model::matrices_in() of a block's parameters.
  static int64_t matrices_in(const std::string& parameter);

  /// The first part of the block: attention over space, and over time. float32 [B, T, N, D] to
  /// the same. With a KV cache the tokens follow the frames in it; `in_time` is then for the new
  /// ones only. A joint block rotates by `in_time` alone, with a row for each token of each frame.
  /// An ordered one can go on by some of a frame's tokens.
  at::Tensor attend(const at::Tensor& tokens_BTND, const Rotation& in_space,
                    const Rotation& in_time, const CacheStep& step = {}) const;

  /// The second part, the feed-forward layer; shapes as above.
  at::Tensor feed_forward(const at::Tensor& tokens_BTND) const;

 private:
  AttentionOptions options(const Rotation& rotation) const;
  at::Tensor attend_in_space(const at::Tensor& packed_BTN3D, const Rotation& rotation) const;
  at::Tensor attend_jointly(const at::Tensor& packed_BTN3D, const Rotation& rotation,
                            const CacheStep& step) const;
  at::Tensor attend_in_time(const at::Tensor& packed_BTN3D, const Rotation& rotation,
                            const CacheStep& step) const;

  BlockShape shape_;
  at::Tensor space_in_, space_out_, time_in_, time_out_, joint_in_, joint_out_, mlp_in_, mlp_out_;
};

}  // namespace nextframe
