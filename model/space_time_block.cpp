#include "model/space_time_block.h"

#include "kernels/attention.h"
#include "kernels/linear.h"
#include "kernels/torch.h"

namespace nextframe {

int64_t mlp_width_of(int64_t dim, double mlp_ratio) {
  return (static_cast<int64_t>(mlp_ratio * static_cast<double>(dim)) + 31) / 32 * 32;
}

SpaceTimeBlock::SpaceTimeBlock(const BlockShape& shape, const ParameterMaker& make)
    : shape_(shape) {
  const int64_t D = shape.dim, F = shape.mlp_width;
  const double input = 1 / std::sqrt(static_cast<double>(D));
  const double depth = 1 / std::sqrt(2.0 * static_cast<double>(shape.layers));
  if (shape.is_joint) {
    joint_in_ = make.normal(*this, "joint_in", {3 * D, D}, input);
    joint_out_ = make.normal(*this, "joint_out", {D, D}, input * depth);
  } else {
    space_in_ = make.normal(*this, "space_in", {3 * D, D}, input);
    space_out_ = make.normal(*this, "space_out", {D, D}, input * depth);
  }
  if (shape.in_time && !shape.is_joint) {
    time_in_ = make.normal(*this, "time_in", {3 * D, D}, input);
    time_out_ = make.normal(*this, "time_out", {D, D}, input * depth);
  }
  mlp_in_ = make.normal(*this, "mlp_in", {2 * F, D}, input);
  mlp_out_ = make.normal(*this, "mlp_out", {D, F}, depth / std::sqrt(static_cast<double>(F)));
}

int64_t SpaceTimeBlock::matrices_in(const std::string& parameter) {
  if (parameter.ends_with(".mlp_in")) return 2;  // gates and values
  return parameter.ends_with("_in") ? 3 : 1;     // queries, keys, values
}

at::Tensor SpaceTimeBlock::attend(const at::Tensor& tokens_BTND, const Rotation& in_space,
                                  const Rotation& in_time, const CacheStep& step) const {
  const bool bf16 = shape_.bf16;
  if (shape_.is_joint) {
    const auto hidden = norm_linear(tokens_BTND, joint_in_, bf16);
    const auto attended = attend_jointly(hidden.product, in_time, step);
    return add_linear(hidden.sum, attended, joint_out_, bf16);
  }
  auto hidden = norm_linear(tokens_BTND, space_in_, bf16);
  const auto sum =
      add_linear(hidden.sum, attend_in_space(hidden.product, in_space), space_out_, bf16);
  if (!shape_.in_time) return sum;
  hidden = norm_linear(sum, time_in_, bf16);
  return add_linear(hidden.sum, attend_in_time(hidden.product, in_time, step), time_out_, bf16);
}

at::Tensor SpaceTimeBlock::feed_forward(const at::Tensor& tokens_BTND) const {
  const auto hidden = norm_linear(tokens_BTND, mlp_in_, shape_.bf16);
  return add_gated_linear(hidden.sum, hidden.product, mlp_out_, shape_.bf16);
}

AttentionOptions SpaceTimeBlock::options(const Rotation& rotation) const {
  AttentionOptions result;
  result.scale = shape_.logit_scale / std::sqrt(static_cast<double>(shape_.dim / shape_.heads));
  result.normalise = true;
  result.rotation = rotation;
  return result;
}

/// Each token sees all tokens of its frame.
at::Tensor SpaceTimeBlock::attend_in_space(const at::Tensor& packed_BTN3D,
                                           const Rotation& rotation) const {
  const int64_t B = packed_BTN3D.size(0), T = packed_BTN3D.size(1), N = packed_BTN3D.size(2);
  const auto frames = packed_BTN3D.view({B * T, N, 1, 3, shape_.heads, -1});
  return self_attention(frames, options(rotation)).view({B, T, N, shape_.dim});
}

/// Each token sees all tokens of frames 0 .. t, or those up to itself, and those of the cache; or
/// all of the clip.
at::Tensor SpaceTimeBlock::attend_jointly(const at::Tensor& packed_BTN3D, const Rotation& rotation,
                                          const CacheStep& step) const {
  const int64_t B = packed_BTN3D.size(0), T = packed_BTN3D.size(1), N = packed_BTN3D.size(2);
  const auto tokens = packed_BTN3D.view({B, T * N, 1, 3, shape_.heads, -1});
  auto causal = options(rotation);
  causal.mask.frame_tokens = shape_.is_full ? 0 : shape_.is_ordered ? 1 : N;
  causal.mask.window_frames = shape_.window_frames * (shape_.is_ordered ? N : 1);
  const auto attended = step.cache != nullptr
                            ? step.cache->attend(tokens, causal, step.appends, step.ahead)
                            : self_attention(tokens, causal);
  return attended.view({B, T, N, shape_.dim});
}

/// Each token sees its own place in frames 0 .. t, and in those of the cache.
at::Tensor SpaceTimeBlock::attend_in_time(const at::Tensor& packed_BTN3D, const Rotation& rotation,
                                          const CacheStep& step) const {
  const int64_t B = packed_BTN3D.size(0), T = packed_BTN3D.size(1), N = packed_BTN3D.size(2);
  const auto frames = packed_BTN3D.view({B, T, N, 3, shape_.heads, -1});
  auto causal = options(rotation);
  causal.mask.frame_tokens = 1;
  causal.mask.window_frames = shape_.window_frames;
  const auto attended = step.cache != nullptr
                            ? step.cache->attend(frames, causal, step.appends, step.ahead)
                            : self_attention(frames, causal);
  return attended.view({B, T, N, shape_.dim});
}

}  // namespace nextframe
