// FrameModel under an objective that fills in clips: dreams go on clip by clip.
#include "kernels/torch.h"
#include "model/frame_model.h"

namespace nextframe {
namespace {

void require_no_guidance(const RolloutOptions& options) {
  TORCH_CHECK(options.guidance == 1, "fill: guidance is for models that go on frame by frame, got ",
              options.guidance, "; needed: 1");
}

}  // namespace

int64_t FrameModel::most_known_frames() const {
  return std::min(objective_->most_known_frames(), shape_.clip_frames - 1);
}

/// A clip that begins with frames `first` .. of `latents_BT` and goes on with `wanted` frames. Only
/// the actions that lead to these are told. Returns them, [B, wanted, ...].
at::Tensor FrameModel::continued_clip(const at::Tensor& latents_BT,
                                      const at::Tensor& encoded_actions_BTA, int64_t first,
                                      int64_t wanted, const RolloutOptions& options) {
  require_no_guidance(options);
  const int64_t known = latents_BT.size(1) - first;
  const auto lengthened = [&](const at::Tensor& tensor, const at::Tensor& row_B1) {
    auto sizes = row_B1.sizes().vec();
    sizes[1] = shape_.clip_frames - tensor.size(1);
    return at::cat({tensor, row_B1.expand(sizes)}, 1);
  };
  const auto no_action = action_form_.no_action(encoded_actions_BTA);  // as a training clip begins
  const auto told_BTA = encoded_actions_BTA.slice(1, first, first + known + wanted - 1);
  const Clip clip{
      .x_BT = lengthened(latents_BT.slice(1, first), at::zeros_like(latents_BT.slice(1, 0, 1))),
      .actions_BTA = lengthened(told_BTA, no_action),
      .before_B1A = no_action,
      .mask_BT = {},
      .sample_ids_B = options.sample_ids_B,
      .first_frame = options.first_frame + first,
      .bound = space_bound()};
  const auto network = make_network(/*use_cache=*/false);
  const auto known_T = at::arange(shape_.clip_frames, clip.x_BT.device()).lt(known);
  return objective_->fill(*network, clip, known_T, options)
      .slice(1, known, known + wanted)
      .clamp(-clip.bound, clip.bound);
}

/// Each frame after the first, from the true frames before it.
at::Tensor FrameModel::one_step_by_clips(const at::Tensor& latents_BT,
                                         const at::Tensor& encoded_actions_BTA,
                                         const RolloutOptions& options) {
  std::vector<at::Tensor> guesses;
  for (int64_t end = 1; end < latents_BT.size(1); ++end) {
    const int64_t first = std::max<int64_t>(0, end - most_known_frames());
    guesses.push_back(continued_clip(latents_BT.slice(1, 0, end), encoded_actions_BTA, first,
                                     /*wanted=*/1, options));
  }
  return at::cat(guesses, 1);
}

/// As many frames at a time as a clip leaves room for, each time from the newest frames.
at::Tensor FrameModel::rollout_by_clips(const at::Tensor& latents_BT,
                                        const at::Tensor& encoded_actions_BTA,
                                        const RolloutOptions& options) {
  const int64_t num_context = latents_BT.size(1), num_frames = encoded_actions_BTA.size(1) + 1;
  auto frames_BT = latents_BT;
  while (frames_BT.size(1) < num_frames) {
    const int64_t end = frames_BT.size(1), first = std::max<int64_t>(0, end - most_known_frames());
    const int64_t wanted = std::min(num_frames - end, shape_.clip_frames - (end - first));
    frames_BT = at::cat(
        {frames_BT, continued_clip(frames_BT, encoded_actions_BTA, first, wanted, options)}, 1);
  }
  return frames_BT.slice(1, num_context);
}

at::Tensor FrameModel::fill(const at::Tensor& frames_BTHWC, const at::Tensor& known_T,
                            const at::Tensor& actions_BTA, const RolloutOptions& options) {
  if (!can_fill()) return {};
  const torch::NoGradGuard no_grad;
  check_inputs(frames_BTHWC, actions_BTA, shape_.clip_frames);
  TORCH_CHECK(known_T.dim() == 1 && known_T.size(0) == shape_.clip_frames &&
                  known_T.scalar_type() == at::kBool,
              "fill: known_T must be bool [", shape_.clip_frames, "], got ", known_T.scalar_type(),
              " ", known_T.sizes());
  const auto encoded_BTA = action_form_.encode(actions_BTA);
  const auto clip = clip_of(frames_BTHWC, encoded_BTA, 0, shape_.clip_frames, options);
  require_no_guidance(options);
  const auto network = make_network(/*use_cache=*/false);
  return unit_frames_of(objective_->fill(*network, clip, known_T.to(clip.x_BT.device()), options)
                            .clamp(-clip.bound, clip.bound));
}

}  // namespace nextframe
