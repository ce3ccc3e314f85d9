#include "trainer/verify/rollout_check.h"

#include "kernels/draws.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

void nudge(WorldModel& model) {
  const torch::NoGradGuard no_grad;
  for (auto& item : model.named_parameters()) {
    auto& parameter = item.value();
    const bool is_matrix = parameter.dim() >= 2;
    const double inputs =
        is_matrix ? static_cast<double>(parameter.numel() / parameter.size(0)) : 100.0;
    parameter.add_(
        draw_parameter(1, "nudge " + item.key(), parameter.sizes(), 0.5 / std::sqrt(inputs)));
  }
}

}  // namespace

RolloutCheck check_rollout(WorldModel& model, const Dataset& data) {
  nudge(model);
  model.eval();
  constexpr int64_t kClips = 2;
  auto batch = make_batch(data.shape(), kClips);
  for (int64_t row = 0; row < kClips; ++row) data.read_clip(row % data.num_clips(), batch, row);
  const int64_t frames = data.shape().clip_frames, context = std::max<int64_t>(1, frames / 2);
  const auto context_BTHWC = batch.frames_BTHWC.slice(1, 0, context);
  const auto dream = [&](bool from_memory) {
    RolloutOptions options;
    options.from_memory = from_memory;
    return model.rollout(context_BTHWC, batch.actions_BTA.slice(1, 0, frames - 1), options);
  };
  const auto with = dream(true), without = dream(false);
  const auto last = context_BTHWC.slice(1, context - 1) / 255.0;
  return {(with - without).abs().max().item<double>(), (with - last).abs().max().item<double>(),
          with.size(1)};
}

}  // namespace nextframe
