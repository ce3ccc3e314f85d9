#include "model/objective/denoising.h"

#include <ATen/ATen.h>

#include "kernels/draws.h"
#include "model/objective/masked_error.h"

namespace nextframe {
namespace {

enum class NoiseOf : uint64_t { sample = 0, context = 1 };

/// [B, 1, ...]
at::Tensor frame_noise(const Clip& like, int64_t frame_number, NoiseOf purpose,
                       const RolloutOptions& rollout) {
  const Draw draw{rollout.seed,
                  2 * static_cast<uint64_t>(frame_number) + static_cast<uint64_t>(purpose)};
  const int64_t rows = like.x_BT.size(0);
  const auto ids_B = like.sample_ids_B.defined() ? like.sample_ids_B : at::zeros({rows}, at::kLong);
  TORCH_CHECK(ids_B.numel() == rows, "rollout: ", rows, " rows need as many sample ids, got ",
              ids_B.numel());
  auto sizes = like.x_BT.sizes().slice(1).vec();
  sizes[0] = 1;
  return draw_normal(as_tensor(draw, ids_B.device()), DrawStream::rollout, ids_B, sizes)
      .to(like.x_BT.device());
}

at::Tensor shown_context(const Clip& known, double level, const RolloutOptions& rollout) {
  if (level == 1) return known.x_BT;
  std::vector<at::Tensor> noise;
  for (int64_t t = 0; t < known.x_BT.size(1); ++t) {
    noise.push_back(frame_noise(known, known.first_frame + t, NoiseOf::context, rollout));
  }
  return at::cat(noise, 1).lerp(known.x_BT, level);
}

/// `value` for every frame of x.
at::Tensor filled(const at::Tensor& x_BT, double value) {
  return at::full({x_BT.size(0), x_BT.size(1)}, value, x_BT.options());
}

at::Tensor expanded(const at::Tensor& value, const at::Tensor& x_BT) {
  return value.defined() ? value.to(x_BT.device()).expand({x_BT.size(0), x_BT.size(1)}) : value;
}

}  // namespace

at::Tensor mix_with_noise(const at::Tensor& x_BT, const at::Tensor& noise_BT,
                          const at::Tensor& level_BT) {
  return at::lerp(noise_BT, x_BT, per_frame(level_BT, x_BT));
}

at::Tensor ramp_weight(const at::Tensor& level_BT) { return level_BT * 0.9 + 0.1; }

at::Tensor sample_next_frame(CausalNetwork& network, const Clip& known,
                             const SamplingOptions& sampling, const RolloutOptions& rollout) {
  const int64_t steps = rollout.denoise_steps;
  TORCH_CHECK(steps >= 1, "rollout: denoise_steps must be 1 or more, got ", steps);
  NetworkInput context;
  context.x_BT = shown_context(known, sampling.context_level, rollout);
  context.actions_BTA = arriving_actions(known);
  context.level_BT = filled(known.x_BT, sampling.context_level);
  context.num_steps_BT = expanded(sampling.context_steps, known.x_BT);
  network.append(context);

  const int64_t frame_number = known.first_frame + known.x_BT.size(1);
  NetworkInput sample;
  sample.x_BT = frame_noise(known, frame_number, NoiseOf::sample, rollout);
  sample.actions_BTA = known.actions_BTA.slice(1, -1);
  sample.num_steps_BT = expanded(sampling.sample_steps, sample.x_BT);
  for (int64_t k = 0; k < steps; ++k) {
    sample.level_BT = filled(sample.x_BT, static_cast<double>(k) / static_cast<double>(steps));
    const auto guess_BT = network.peek(sample).x_BT;
    // The last step arrives at the guess.
    sample.x_BT = sample.x_BT + (guess_BT - sample.x_BT) / static_cast<double>(steps - k);
  }
  return sample.x_BT;
}

}  // namespace nextframe
