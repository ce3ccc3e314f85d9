// Rollouts of FrameModel: all frames at once, or one at a time.
#include "kernels/torch.h"
#include "model/frame_model.h"

namespace nextframe {

class FrameModel::Live final : public LiveRollout {
 public:
  Live(FrameModel& model, const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
       const RolloutOptions& options)
      : model_(model), options_(options), network_(model.make_network(options.use_cache)) {
    const int64_t num_context = context_BTHWC.size(1);
    TORCH_CHECK(
        num_context >= 1 && actions_BTA.dim() == 3 && actions_BTA.size(1) + 1 == num_context,
        "rollout: the actions between ", num_context, " context frames are needed, got ",
        actions_BTA.sizes());
    // The newest frame's action is not known yet: step() puts it in the place of these zeros.
    const auto all_BTA = at::constant_pad_nd(actions_BTA, {0, 0, 0, 1});
    model.check_inputs(context_BTHWC, all_BTA, num_context);
    known_ = model.clip_of(context_BTHWC, model.action_form_.encode(all_BTA),
                           std::max<int64_t>(0, num_context - model.shape_.clip_frames + 1),
                           num_context, options);
  }

  at::Tensor step(const at::Tensor& action_BA) override {
    const torch::NoGradGuard no_grad;
    return model_.unit_frames_of(next(action_BA.unsqueeze(1))).squeeze(1);
  }

  void set_sampling(int64_t denoise_steps, double guidance) override {
    options_.denoise_steps = denoise_steps;
    options_.guidance = guidance;
  }

  std::unique_ptr<LiveRollout> clone() const override {
    return std::unique_ptr<LiveRollout>(new Live(*this));
  }

  /// step() in the model's own layout of frames: [B, 1, A] to [B, 1, ...].
  at::Tensor next(const at::Tensor& action_B1A) {
    const auto told_B1A = model_.action_form_.encode(action_B1A);
    known_.actions_BTA = at::cat({known_.actions_BTA.slice(1, 0, -1), told_B1A}, 1);
    const auto guided = model_.guide(*network_, options_);
    auto next_B1 = model_.objective_->next(guided ? *guided : *network_, known_, options_);
    const bool is_of_codes = !next_B1.is_floating_point();
    if (!is_of_codes) next_B1 = next_B1.clamp(-known_.bound, known_.bound);
    known_.first_frame += known_.x_BT.size(1);
    known_.x_BT = next_B1;
    known_.before_B1A = told_B1A;
    known_.actions_BTA = at::zeros_like(told_B1A);
    return next_B1;
  }

 private:
  Live(const Live& other)
      : model_(other.model_),
        options_(other.options_),
        network_(other.network_->clone()),
        known_(other.known_) {}

  FrameModel& model_;
  RolloutOptions options_;
  std::unique_ptr<RememberingNetwork> network_;
  Clip known_;  // the frames that the network has not seen yet
};

std::unique_ptr<LiveRollout> FrameModel::begin_rollout(const at::Tensor& context_BTHWC,
                                                       const at::Tensor& actions_BTA,
                                                       const RolloutOptions& options) {
  if (objective_->fills_clips()) return nullptr;  // which dreams several frames at once
  const torch::NoGradGuard no_grad;
  return std::make_unique<Live>(*this, context_BTHWC, actions_BTA, options);
}

at::Tensor FrameModel::rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                               const RolloutOptions& options) {
  const torch::NoGradGuard no_grad;
  const int64_t num_context = context_BTHWC.size(1), num_actions = actions_BTA.size(1);
  check_inputs(context_BTHWC, actions_BTA, num_actions);
  TORCH_CHECK(num_context >= 1 && num_actions >= num_context, "rollout: ", num_context,
              " context frames need at least as many actions, got ", num_actions);
  if (objective_->fills_clips()) {
    return unit_frames_of(
        rollout_by_clips(latents_of(context_BTHWC), action_form_.encode(actions_BTA), options));
  }
  Live live(*this, context_BTHWC, actions_BTA.slice(1, 0, num_context - 1), options);
  std::vector<at::Tensor> dreamed;
  for (int64_t frame = num_context; frame <= num_actions; ++frame) {
    dreamed.push_back(live.next(actions_BTA.slice(1, frame - 1, frame)));
  }
  return unit_frames_of(at::cat(dreamed, 1));
}

}  // namespace nextframe
