#include "model/frame_model.h"

#include <algorithm>

#include "kernels/patchify.h"
#include "kernels/torch.h"

namespace nextframe {

FrameModel::FrameModel(const ModelInputs& inputs)
    : shape_(inputs.shape), objective_(inputs.objective) {
  TORCH_CHECK(objective_ != nullptr, "model: an objective is needed, got none");
  TORCH_CHECK(shape_.clip_frames >= 2, "model: clips of 2 frames or more are needed, got ",
              shape_.clip_frames);
  TORCH_CHECK(shape_.channels == 1 || shape_.channels == 3,
              "model: frames need 1 or 3 channels, got ", shape_.channels);
}

LossTerms FrameModel::loss(const Batch& batch, const at::Tensor& draw) {
  check_inputs(batch.frames_BTHWC, batch.actions_BTA, batch.frames_BTHWC.size(1));
  return objective_->loss(bound_network(), pixels_from_bytes(batch.frames_BTHWC), batch.actions_BTA,
                          batch.mask_BT, batch.sample_ids_B, draw);
}

at::Tensor FrameModel::one_step(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                                const RolloutOptions& options) {
  const torch::NoGradGuard no_grad;
  const int64_t num_frames = frames_BTHWC.size(1);
  check_inputs(frames_BTHWC, actions_BTA, num_frames);
  TORCH_CHECK(num_frames >= 2, "one_step: 2 frames or more are needed, got ", num_frames);
  const int64_t window = shape_.clip_frames, advance = std::max<int64_t>(1, window / 2);
  auto window_options = options;
  std::vector<at::Tensor> predictions;
  for (int64_t end = std::min(window, num_frames), predicted = 1; predicted < num_frames;
       end = std::min(end + advance, num_frames)) {
    const int64_t start = std::max<int64_t>(0, end - window);
    window_options.first_frame = options.first_frame + start;
    predictions.push_back(objective_->one_step(
        bound_network(), pixels_from_bytes(frames_BTHWC.slice(1, start, end)),
        actions_BTA.slice(1, start, end), /*skip=*/predicted - start - 1, window_options));
    predicted = end;
  }
  return unit_range(at::cat(predictions, 1));
}

at::Tensor FrameModel::rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                               const RolloutOptions& options) {
  const torch::NoGradGuard no_grad;
  const int64_t num_context = context_BTHWC.size(1), num_actions = actions_BTA.size(1);
  check_inputs(context_BTHWC, actions_BTA, num_actions);
  TORCH_CHECK(num_context >= 1 && num_actions >= num_context, "rollout: ", num_context,
              " context frames need at least as many actions, got ", num_actions);
  const int64_t window = shape_.clip_frames - 1;
  // A noisy frame is looked at several times, so it cannot be remembered.
  const bool may_remember = options.from_memory && !objective_->has_noise_levels();
  const auto memory = may_remember ? make_memory() : nullptr;
  const Network go_on = [&](const at::Tensor& x, const at::Tensor& actions,
                            const at::Tensor& level) {
    return network_after(*memory, x, actions, level);
  };
  const Network network = memory ? go_on : bound_network();
  // What the network is shown next: without a memory all that it may look at.
  auto shown_BTHWC =
      pixels_from_bytes(context_BTHWC.slice(1, std::max<int64_t>(0, num_context - window)));
  std::vector<at::Tensor> dreamed;
  for (int64_t frame = num_context; frame <= num_actions; ++frame) {
    const auto next_BTHWC =
        objective_
            ->next(network, shown_BTHWC, actions_BTA.slice(1, frame - shown_BTHWC.size(1), frame),
                   options.first_frame + frame, options)
            .clamp(-1, 1);
    dreamed.push_back(next_BTHWC);
    if (memory) {
      shown_BTHWC = next_BTHWC;
    } else {
      shown_BTHWC = at::cat({shown_BTHWC, next_BTHWC}, 1);
      shown_BTHWC = shown_BTHWC.slice(1, std::max<int64_t>(0, shown_BTHWC.size(1) - window));
    }
  }
  return unit_range(at::cat(dreamed, 1));
}

at::Tensor FrameModel::network_after(FrameCache&, const at::Tensor&, const at::Tensor&,
                                     const at::Tensor&) {
  TORCH_CHECK(false, "this model makes a memory and does not go on from it");
}

Network FrameModel::bound_network() {
  return [this](const at::Tensor& x, const at::Tensor& actions, const at::Tensor& level) {
    return network(x, actions, level);
  };
}

void FrameModel::check_inputs(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                              int64_t num_actions) const {
  TORCH_CHECK(frames_BTHWC.dim() == 5 && frames_BTHWC.size(2) == shape_.height_px &&
                  frames_BTHWC.size(3) == shape_.width_px &&
                  frames_BTHWC.size(4) == shape_.channels,
              "model: frames must be [B, T, ", shape_.height_px, ", ", shape_.width_px, ", ",
              shape_.channels, "], got ", frames_BTHWC.sizes());
  TORCH_CHECK(actions_BTA.dim() == 3 && actions_BTA.size(0) == frames_BTHWC.size(0) &&
                  actions_BTA.size(1) == num_actions && actions_BTA.size(2) == shape_.action_width,
              "model: actions must be [", frames_BTHWC.size(0), ", ", num_actions, ", ",
              shape_.action_width, "], got ", actions_BTA.sizes());
}

}  // namespace nextframe
