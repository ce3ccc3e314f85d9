#include "model/frame_model.h"

#include <algorithm>

#include "kernels/patchify.h"
#include "kernels/torch.h"

namespace nextframe {

FrameModel::FrameModel(const ModelInputs& inputs)
    : shape_(inputs.shape),
      objective_(inputs.objective),
      tokenizer_(inputs.tokenizer),
      latent_actions_(inputs.latent_actions),
      learned_(inputs.learned),
      action_form_(inputs.actions) {
  TORCH_CHECK(objective_ != nullptr, "model: an objective is needed, got none");
  TORCH_CHECK(shape_.clip_frames >= 2, "model: clips of 2 frames or more are needed, got ",
              shape_.clip_frames);
  TORCH_CHECK(shape_.channels == 1 || shape_.channels == 3,
              "model: frames need 1 or 3 channels, got ", shape_.channels);
  TORCH_CHECK(asks_for(Trait::learned_latents) == (learned_ != nullptr),
              "model: a tokenizer that learns with the model is for objectives that ask for one");
  if (learned_) register_module("encoder", learned_);
}

LossTerms FrameModel::loss(const Batch& batch, const at::Tensor& draw) {
  const auto told_BTA = latent_actions_ ? infer_actions(batch.frames_BTHWC) : batch.actions_BTA;
  check_inputs(batch.frames_BTHWC, told_BTA, batch.frames_BTHWC.size(1));
  WindowNetwork network(
      [this](const NetworkInput& input, FrameCache*, bool) { return run(input, nullptr, false); },
      shape_.clip_frames);
  const auto actions_BTA = action_form_.encode(told_BTA, batch.sample_ids_B, draw);
  const auto latents_BT = latents_of(batch.frames_BTHWC);
  auto terms = objective_->loss(network,
                                {.x_BT = latents_BT,
                                 .actions_BTA = actions_BTA,
                                 .before_B1A = action_form_.no_action(actions_BTA),
                                 .mask_BT = batch.mask_BT,
                                 .sample_ids_B = batch.sample_ids_B,
                                 .bound = space_bound()},
                                draw);
  if (learned_) add_read_out(latents_BT, batch, terms);
  return terms;
}

void FrameModel::add_read_out(const at::Tensor& latents_BT, const Batch& batch, LossTerms& terms) {
  // The objective's weight counts values of latents, and a picture has more: so its mean counts.
  const double values = static_cast<double>(latents_BT.size(2) * latents_BT.size(3));
  const double pixels = static_cast<double>(shape_.height_px * shape_.width_px * shape_.channels);
  const auto drawn = learned_->read_out(latents_BT, batch, values / pixels);
  terms.sum = terms.sum + drawn.sum;
  terms.sums.insert(drawn.sums.begin(), drawn.sums.end());
}

at::Tensor FrameModel::one_step(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                                const RolloutOptions& options) {
  const torch::NoGradGuard no_grad;
  const int64_t num_frames = frames_BTHWC.size(1);
  check_inputs(frames_BTHWC, actions_BTA, num_frames);
  TORCH_CHECK(num_frames >= 2, "one_step: 2 frames or more are needed, got ", num_frames);
  const auto encoded_BTA = action_form_.encode(actions_BTA);
  if (objective_->fills_clips())
    return unit_frames_of(one_step_by_clips(latents_of(frames_BTHWC), encoded_BTA, options));
  const int64_t window = shape_.clip_frames, advance = std::max<int64_t>(1, window / 2);
  std::vector<at::Tensor> predictions;
  for (int64_t end = std::min(window, num_frames), predicted = 1; predicted < num_frames;
       end = std::min(end + advance, num_frames)) {
    const int64_t start = std::max<int64_t>(0, end - window);
    auto clip = clip_of(frames_BTHWC, encoded_BTA, start, end, options);
    clip.before_B1A =
        action_form_.no_action(encoded_BTA);  // as at the beginning of a training clip
    const auto network = make_network(options.use_cache);
    const auto guided = guide(*network, options);
    predictions.push_back(objective_->one_step(guided ? *guided : *network, clip,
                                               /*skip=*/predicted - start - 1, options));
    predicted = end;
  }
  return unit_frames_of(at::cat(predictions, 1));
}

std::vector<LayerStates> FrameModel::hidden_states(const at::Tensor& frames_BTHWC,
                                                   const at::Tensor& actions_BTA,
                                                   const RolloutOptions& options) {
  if (objective_->fills_clips()) return {};  // a frame's would hold what comes after it
  const torch::NoGradGuard no_grad;
  const int64_t num_frames = frames_BTHWC.size(1);
  check_inputs(frames_BTHWC, actions_BTA, num_frames);
  TORCH_CHECK(num_frames >= 1 && num_frames < shape_.clip_frames, "hidden_states: 1 to ",
              shape_.clip_frames - 1, " frames are needed, fewer than a clip's, got ", num_frames);
  auto cheapest = options;  // next() samples a frame as well, which nobody looks at
  cheapest.denoise_steps = 1;
  cheapest.guidance = 1;
  const auto clip =
      clip_of(frames_BTHWC, action_form_.encode(actions_BTA), 0, num_frames, cheapest);
  std::vector<LayerStates> layers;
  if (learned_) layers.push_back({"encoder", clip.x_BT});
  const auto network = make_network(cheapest.use_cache);
  WatchedNetwork watched(*network, layers);
  objective_->next(watched, clip, cheapest);
  return layers;
}

at::Tensor FrameModel::reconstruct(const at::Tensor& frames_BTHWC) {
  const torch::NoGradGuard no_grad;
  return has_tokenizer() ? unit_frames_of(latents_of(frames_BTHWC)) : at::Tensor();
}

at::Tensor FrameModel::infer_actions(const at::Tensor& frames_BTHWC) {
  if (!latent_actions_) return {};
  check_frames(frames_BTHWC);
  const auto codes_BT = latent_actions_->encode(frames_BTHWC).squeeze(2);
  return latent_actions_->space()
      .code_vectors_VE.index_select(0, codes_BT.reshape({-1}))
      .view({codes_BT.size(0), codes_BT.size(1), -1});
}

void FrameModel::to(torch::Device device, bool non_blocking) {
  WorldModel::to(device, non_blocking);
  for (const auto& frozen : {tokenizer_, latent_actions_}) {
    if (frozen) frozen->to(device, non_blocking);
  }
}

double FrameModel::encoding_flops_per_clip() const {
  // Encoder and decoder are about equal, and training counts forward and backward.
  double flops = learned_ ? learned_->flops_per_clip() : 0;
  for (const auto& frozen : {tokenizer_, latent_actions_}) {
    if (frozen) flops += frozen->tokenizer().flops_per_clip() / 6;
  }
  return flops;
}

double FrameModel::space_bound() const {
  if (learned_) return learned_->space().bound();
  return tokenizer_ ? tokenizer_->space().bound() : 1;
}

at::Tensor FrameModel::latents_of(const at::Tensor& frames_BTHWC) const {
  if (learned_) return learned_->encode(frames_BTHWC);
  return tokenizer_ ? tokenizer_->encode(frames_BTHWC) : pixels_from_bytes(frames_BTHWC);
}

/// float32 in [0, 1].
at::Tensor FrameModel::unit_frames_of(const at::Tensor& latents_BT) const {
  if (learned_) return unit_range(learned_->decode(latents_BT));
  return unit_range(tokenizer_ ? tokenizer_->decode(latents_BT) : latents_BT);
}

/// Frames `first` .. `end` - 1.
Clip FrameModel::clip_of(const at::Tensor& frames_BTHWC, const at::Tensor& encoded_actions_BTA,
                         int64_t first, int64_t end, const RolloutOptions& options) const {
  return {.x_BT = latents_of(frames_BTHWC.slice(1, first, end)),
          .actions_BTA = encoded_actions_BTA.slice(1, first, end),
          .before_B1A = first > 0 ? encoded_actions_BTA.slice(1, first - 1, first)
                                  : action_form_.no_action(encoded_actions_BTA),
          .mask_BT = {},
          .sample_ids_B = options.sample_ids_B,
          .first_frame = options.first_frame + first,
          .bound = space_bound()};
}

/// With nothing cached.
std::unique_ptr<RememberingNetwork> FrameModel::make_network(bool use_cache) {
  const RunNetwork run_frames = [this](const NetworkInput& input, FrameCache* cache, bool appends) {
    return run(input, cache, appends);
  };
  auto cache = use_cache ? make_cache() : nullptr;
  if (cache) return std::make_unique<CachedNetwork>(run_frames, std::move(cache));
  return std::make_unique<WindowNetwork>(run_frames, shape_.clip_frames - 1);
}

std::unique_ptr<CausalNetwork> FrameModel::guide(CausalNetwork& network,
                                                 const RolloutOptions& options) const {
  // Without actions, told and untold are the same.
  if (options.guidance == 1 || action_form_.width(action_width()) == 0) return nullptr;
  TORCH_CHECK(action_form_.dropout > 0, "rollout: guidance = ", options.guidance,
              " needs a model that was trained with actions.dropout above 0");
  return std::make_unique<GuidedNetwork>(network, options.guidance);
}

void FrameModel::check_frames(const at::Tensor& frames_BTHWC) const {
  TORCH_CHECK(frames_BTHWC.dim() == 5 && frames_BTHWC.size(2) == shape_.height_px &&
                  frames_BTHWC.size(3) == shape_.width_px &&
                  frames_BTHWC.size(4) == shape_.channels,
              "model: frames must be [B, T, ", shape_.height_px, ", ", shape_.width_px, ", ",
              shape_.channels, "], got ", frames_BTHWC.sizes());
}

void FrameModel::check_inputs(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                              int64_t num_actions) const {
  check_frames(frames_BTHWC);
  TORCH_CHECK(actions_BTA.dim() == 3 && actions_BTA.size(0) == frames_BTHWC.size(0) &&
                  actions_BTA.size(1) == num_actions && actions_BTA.size(2) == action_width(),
              "model: actions must be [", frames_BTHWC.size(0), ", ", num_actions, ", ",
              action_width(), "], got ", actions_BTA.sizes());
}

}  // namespace nextframe
