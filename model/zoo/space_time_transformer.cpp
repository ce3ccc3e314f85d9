// space_time_transformer: the tokens of a frame attend to each other, then each token to its own
// past (factorised attention); or each token to all tokens of its frame and of earlier ones
// (frame-causal attention); or each token to all tokens before it (token-causal attention); or each
// to all tokens of the clip (full attention).
//
// A frame is [action | noise level and step size | start | patches | registers], the first three
// only where there are any. Token-causal attention has the start: a code's logits are the output of
// the token before it.
// What a token of the frame is, a patch or a value or code of a tokenizer, is decided by the ends
// (model/ends). Norms have no gain, queries and keys are normalised and turned by place (2-D) or
// time.

#include "kernels/linear.h"
#include "kernels/torch.h"
#include "model/ends/frame_ends.h"
#include "model/frame_model.h"
#include "model/parameters.h"
#include "model/space_time_block.h"
#include "model/zoo/space_time_config.h"

namespace nextframe {
namespace {

constexpr int64_t kLevelWaves = 16;
constexpr double kMostDoublings = 16;  // log2 of the most sampling steps

/// cos(pi k x), k = 0 .. 15, for x in [0, 1]: [B, T] to [B, T, 16].
at::Tensor waves(const at::Tensor& x_BT) {
  const auto factors = at::arange(kLevelWaves, x_BT.options()) * std::numbers::pi;
  return (x_BT.unsqueeze(2) * factors).cos();
}

}  // namespace

/// What the transformer keeps of the frames before.
class SpaceTimeCache final : public FrameCache {
 public:
  SpaceTimeCache(int64_t blocks, const TimeKvCache& empty, TimeRotations angles_)
      : of_block(static_cast<size_t>(blocks), empty), angles(std::move(angles_)) {}

  std::unique_ptr<FrameCache> clone() const override {
    auto copy = std::make_unique<SpaceTimeCache>(*this);
    for (auto& cache : copy->of_block) cache = cache.clone();
    return copy;
  }

  std::vector<TimeKvCache> of_block;
  TimeRotations angles;
  at::Tensor last_frame_B1;
};

class SpaceTimeTransformer final : public FrameModel {
 public:
  using Config = SpaceTimeConfig;

  static Traits offers() {
    return {Trait::noise_levels, Trait::step_sizes,     Trait::tokens,       Trait::pixels,
            Trait::values,       Trait::codes,          Trait::hidden_codes, Trait::code_order,
            Trait::whole_clip,   Trait::learned_latents};
  }

  SpaceTimeTransformer(const Config& config, const ModelInputs& inputs);

  bool run_blocks_with(std::shared_ptr<BlockRunner> runner) override {
    runner_ = std::move(runner);
    return true;
  }

  int64_t matrices_in(const std::string& parameter) const override {
    return SpaceTimeBlock::matrices_in(parameter);
  }

  int64_t tokens_per_clip() const override { return frames_seen() * tokens_per_frame(); }
  double flops_per_clip() const override;

 private:
  NetworkOutput run(const NetworkInput& input, FrameCache* cache, bool appends) override;
  std::unique_ptr<FrameCache> make_cache() const override {
    if (config_.is_full()) return nullptr;
    const int64_t tokens = tokens_per_frame(), window = window_frames();
    const auto empty = config_.is_ordered() ? TimeKvCache(window * tokens, 1, tokens)
                                            : TimeKvCache(window, config_.is_joint() ? tokens : 1);
    const auto make = [this](int64_t num_frames, int64_t first) {
      return time_rotation(num_frames, first);
    };
    return std::make_unique<SpaceTimeCache>(
        config_.layers, empty, TimeRotations(window, make, config_.is_joint() ? tokens : 1));
  }
  at::Tensor embed(const NetworkInput& input, const at::Tensor& before_B1) const;
  void make_parameters(const ModelInputs& inputs);

  int64_t tokens_per_frame() const { return tokens_before() + ends_->tokens() + config_.registers; }
  /// Of `num_frames` frames, from number `first` on: a row for each, or for each of their tokens.
  Rotation time_rotation(int64_t num_frames, int64_t first) const;
  /// Where a frame is not given to be predicted, the last one of a clip is only a target.
  int64_t frames_seen() const { return shape().clip_frames - (sees_targets_ ? 0 : 1); }
  /// What attention over time sees of them.
  int64_t window_frames() const {
    return config_.window_frames > 0 ? std::min(config_.window_frames, frames_seen())
                                     : frames_seen();
  }
  int64_t tokens_before() const {
    return (has_token_ ? 1 : 0) + (has_levels_ ? 1 : 0) + (config_.is_ordered() ? 1 : 0);
  }

  Config config_;
  bool bf16_, has_token_, is_added_, has_levels_, has_step_sizes_, sees_targets_;
  std::shared_ptr<BlockRunner> runner_ = std::make_shared<BlockRunner>();
  std::unique_ptr<FrameEnds> ends_;
  at::Tensor registers_, start_;
  at::Tensor action_, action_base_, action_in_patch_, level_, step_size_;
  std::vector<std::shared_ptr<SpaceTimeBlock>> blocks_;
  Rotation in_space_, in_time_;  // of a whole clip
};

SpaceTimeTransformer::SpaceTimeTransformer(const Config& config, const ModelInputs& inputs)
    : FrameModel(inputs),
      config_(config),
      bf16_(inputs.bf16),
      has_token_(inputs.action_width() > 0 && inputs.actions.has_token()),
      is_added_(inputs.action_width() > 0 && inputs.actions.is_added()),
      has_levels_(asks_for(Trait::noise_levels)),
      has_step_sizes_(asks_for(Trait::step_sizes)),
      sees_targets_(is_sampling()) {
  ends_ = make_frame_ends({.clip = inputs.shape,
                           .space = inputs.space(),
                           .dim = config.dim,
                           .patch_px = config.patch_px,
                           .halo_px = config.halo_px,
                           .head_halo_px = config.head_halo_px,
                           .differences = config.differences,
                           .hides_codes = asks_for(Trait::hidden_codes),
                           .bf16 = bf16_});
  make_parameters(inputs);
  const int64_t head_dim = config.dim / config.heads;
  in_space_ = rotation_in_space(ends_->rows(), ends_->columns(), tokens_before(), config.registers,
                                head_dim);
  in_time_ = time_rotation(inputs.shape.clip_frames, 0);
  for (const auto& [name, rotation] :
       {std::pair{"space", &in_space_}, std::pair{"time", &in_time_}}) {
    register_buffer(c10::str(name, "_cosine"), rotation->cosine_LP);  // so that they move along
    register_buffer(c10::str(name, "_sine"), rotation->sine_LP);
  }
}

Rotation SpaceTimeTransformer::time_rotation(int64_t num_frames, int64_t first) const {
  const int64_t head_dim = config_.dim / config_.heads;
  if (!config_.is_joint()) return rotation_in_time(num_frames, head_dim, first);
  const int64_t time_dim = head_dim / 4 * 2;  // half of the pairs turn with time
  return rotation_in_space_time(rotation_in_time(num_frames, time_dim, first),
                                rotation_in_space(ends_->rows(), ends_->columns(), tokens_before(),
                                                  config_.registers, head_dim - time_dim));
}

void SpaceTimeTransformer::make_parameters(const ModelInputs& inputs) {
  const ParameterMaker make(inputs.seed);
  const int64_t D = config_.dim, A = inputs.action_width();
  ends_->make_stem(*this, make);
  if (config_.registers > 0) {
    registers_ = make.normal(*this, "registers", {config_.registers, D}, 0.5);
  }
  if (has_token_) {
    action_ = make.normal(*this, "action", {D, A}, 0.5);
    action_base_ = make.normal(*this, "action_base", {D}, 0.1);
  }
  if (is_added_) action_in_patch_ = make.normal(*this, "action_in_patch", {D, A}, 0.1);
  if (has_levels_) level_ = make.normal(*this, "level", {D, kLevelWaves}, 0.5);
  if (config_.is_ordered()) start_ = make.normal(*this, "start", {D}, 0.5);
  if (has_step_sizes_) step_size_ = make.normal(*this, "step_size", {D, kLevelWaves}, 0.5);
  const auto blocks = register_module("blocks", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < config_.layers; ++i) {
    const std::string number = std::to_string(i);
    const BlockShape shape{.dim = D,
                           .mlp_width = config_.mlp_width(),
                           .heads = config_.heads,
                           .layers = config_.layers,
                           .logit_scale = config_.logit_scale,
                           .window_frames = config_.window_frames,
                           .in_time = (i + 1) % config_.temporal_every == 0,
                           .is_joint = config_.is_joint(),
                           .is_ordered = config_.is_ordered(),
                           .is_full = config_.is_full(),
                           .bf16 = bf16_};
    const auto made = std::make_shared<SpaceTimeBlock>(shape, make.child("blocks").child(number));
    blocks_.push_back(blocks->register_module(number, made));
  }
  ends_->make_head(*this, make);
}

NetworkOutput SpaceTimeTransformer::run(const NetworkInput& input, FrameCache* cache,
                                        bool appends) {
  auto* const known = static_cast<SpaceTimeCache*>(cache);
  const auto before_B1 = known != nullptr ? known->last_frame_B1 : at::Tensor();
  auto in_time_of_these = known != nullptr
                              ? known->angles.next(input.x_BT.size(1), input.x_BT.device(), appends)
                              : in_time_;
  auto tokens_BTND = embed(input, before_B1);
  int64_t ahead = 0;
  if (input.place >= 0) {  // the tokens that came since the place before
    const int64_t end = tokens_before() + input.place;
    ahead = input.place == 0 ? 0 : end - 1;
    tokens_BTND = tokens_BTND.slice(2, ahead, end);
    in_time_of_these = rows_of(in_time_of_these, ahead, end - ahead);
  }
  keep_layer(input, "embedding", tokens_BTND);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const CacheStep step{known != nullptr ? &known->of_block[i] : nullptr, appends, ahead};
    // By value: a runner may call it again in backward.
    BlockRunner::Block block;
    block.attention = [layer = blocks_[i], in_space = in_space_, in_time = in_time_of_these,
                       step](const at::Tensor& hidden) {
      return layer->attend(hidden, in_space, in_time, step);
    };
    block.feed_forward = [layer = blocks_[i]](const at::Tensor& hidden) {
      return layer->feed_forward(hidden);
    };
    tokens_BTND = runner_->run(static_cast<int64_t>(i), block, tokens_BTND);
    keep_layer(input, c10::str("block ", i + 1), tokens_BTND);
  }
  if (appends) known->last_frame_B1 = input.x_BT.slice(1, -1);
  if (input.place >= 0) return {ends_->read(tokens_BTND.slice(2, -1))};
  const int64_t first = tokens_before() - (config_.is_ordered() ? 1 : 0);
  return {ends_->read(tokens_BTND.narrow(2, first, ends_->tokens()))};
}

at::Tensor SpaceTimeTransformer::embed(const NetworkInput& input,
                                       const at::Tensor& before_B1) const {
  auto frame_BTND = ends_->embed(input, before_B1);
  if (is_added_) {
    frame_BTND = frame_BTND + linear(input.actions_BTA, action_in_patch_, false).unsqueeze(2);
  }
  std::vector<at::Tensor> tokens;
  if (has_token_) {
    tokens.push_back((linear(input.actions_BTA, action_, false) + action_base_).unsqueeze(2));
  }
  if (has_levels_) {
    auto level_BTD = linear(waves(input.level_BT), level_, false);
    if (has_step_sizes_) {
      const auto size_BT = input.num_steps_BT.log2() / kMostDoublings;
      level_BTD = level_BTD + linear(waves(size_BT), step_size_, false);
    }
    tokens.push_back(level_BTD.unsqueeze(2));
  }
  const int64_t B = input.x_BT.size(0), T = input.x_BT.size(1);
  if (start_.defined()) tokens.push_back(start_.expand({B, T, 1, -1}));
  tokens.push_back(frame_BTND);
  if (registers_.defined()) tokens.push_back(registers_.expand({B, T, -1, -1}));
  return at::cat(tokens, 2);
}

/// Multiplications and additions of the products, thrice the forward's, and what the objective runs
/// besides; causal attention counted as half.
double SpaceTimeTransformer::flops_per_clip() const {
  const auto tokens = static_cast<double>(tokens_per_clip());
  const auto frames = static_cast<double>(frames_seen()), dim = static_cast<double>(config_.dim);
  const auto blocks = static_cast<double>(config_.layers);
  const auto in_time =
      config_.is_joint() ? 0.0 : static_cast<double>(config_.layers / config_.temporal_every);
  const double dense =
      tokens * dim *
      (4 * dim * (blocks + in_time) + 3 * static_cast<double>(config_.mlp_width()) * blocks);
  const double ends = frames * ends_->products_per_frame();
  const auto window = static_cast<double>(window_frames());
  // Frames that a frame sees on average.
  const double seen = config_.is_full() ? frames : window * (1 - window / frames / 2);
  // Keys that a token attends to, in all blocks.
  const double keys = config_.is_joint() ? blocks * tokens / frames * seen
                                         : blocks * tokens / frames + in_time * seen;
  const double scores = tokens * dim * 2 * keys;
  return (3 + extra_forwards()) * 2 * (dense + ends + scores) + encoding_flops_per_clip();
}

NF_REGISTER_MODEL("space_time_transformer", SpaceTimeTransformer,
                  "attention over space and time; the default")

}  // namespace nextframe
