#include "model/objective/denoising.h"

#include <ATen/ATen.h>

#include "kernels/draws.h"
#include "model/objective/masked_error.h"

namespace nextframe {
namespace {

constexpr double kPixelVariance = 0.5;  // of pixels in [-1, 1]

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

at::Tensor sampling_noise(const Clip& like, int64_t frame_number, const RolloutOptions& rollout) {
  return frame_noise(like, frame_number, NoiseOf::sample, rollout);
}

at::Tensor mix_with_noise(const at::Tensor& x_BT, const at::Tensor& noise_BT,
                          const at::Tensor& level_BT) {
  return at::lerp(noise_BT, x_BT, per_frame(level_BT, x_BT));
}

at::Tensor ramp_weight(const at::Tensor& level_BT) { return level_BT * 0.9 + 0.1; }

void DenoisingConfig::fields(FieldVisitor& field) {
  field("context_level", context_level, "how clean the past is shown in sampling; 1 is clean",
        Range::above(0, 1));
  field("clean_frames", clean_frames,
        "share of frames that training shows as sampling shows the past; they carry no loss",
        Range::below(0, 1));
  field(
      "change_scale", change_scale,
      "typical change of a pixel between frames, of its range of 2: the network's output corrects "
      "a linear guess from the frame before by so much. 0: it is the frame itself",
      Range{0, 1e6});
}

at::Tensor draw_known_frames(const Clip& clip, const at::Tensor& draw, double share) {
  if (share == 0) return {};
  const int64_t frames = clip.x_BT.size(1);
  const auto drawn_BT =
      draw_uniform(draw, DrawStream::known_frames, clip.sample_ids_B, {frames}).lt(share);
  return at::cat({at::ones_like(drawn_BT.slice(1, 0, 1)), drawn_BT.slice(1, 1)}, 1);
}

Preconditioning precondition(const at::Tensor& level_BT, const at::Tensor& before_level_BT,
                             double change_scale) {
  // Precisions, so that a level of 0 or 1 is no special case.
  const auto of_noisy_BT =
      before_level_BT /
      (before_level_BT.square() * (change_scale * change_scale) + (1 - before_level_BT).square());
  const auto variance_BT = (of_noisy_BT * before_level_BT + 1 / kPixelVariance).reciprocal();
  const auto noise_BT = (1 - level_BT).square();
  const auto shown_BT = level_BT.square() * variance_BT + noise_BT;  // variance of what is shown
  return {.of_before_BT = of_noisy_BT * variance_BT,
          .c_in_BT = (variance_BT / shown_BT).sqrt() * ramp_weight(level_BT),
          .c_out_BT = variance_BT.sqrt()};
}

at::Tensor as_past(const at::Tensor& x_BT, const at::Tensor& noise_BT,
                   const DenoisingConfig& config) {
  if (config.change_scale == 0) return {};
  return config.context_level == 1 ? x_BT : noise_BT.lerp(x_BT, config.context_level);
}

at::Tensor loss_weight(const DenoisingConfig& config, const at::Tensor& level_BT,
                       const at::Tensor& is_known_BT) {
  const auto weight_BT = config.change_scale > 0 ? at::ones_like(level_BT) : ramp_weight(level_BT);
  return is_known_BT.defined() ? weight_BT.masked_fill(is_known_BT, 0) : weight_BT;
}

PreconditionedNetwork::PreconditionedNetwork(CausalNetwork& network, const DenoisingConfig& config,
                                             const at::Tensor& past_BT)
    : network_(network), config_(config) {
  if (config.change_scale == 0) return;
  before_BT_ = at::cat({at::zeros_like(past_BT.slice(1, 0, 1)), past_BT.slice(1, 0, -1)}, 1);
  const auto known_BT =
      at::full({past_BT.size(0), past_BT.size(1) - 1}, config.context_level, past_BT.options());
  before_level_BT_ = at::constant_pad_nd(known_BT, {1, 0});
}

NetworkOutput PreconditionedNetwork::append(const NetworkInput& next) {
  const auto result = network_.append(next);
  before_BT_ = next.x_BT.slice(1, -1);
  before_level_BT_ = next.level_BT.slice(1, -1);
  return result;
}

NetworkOutput PreconditionedNetwork::peek(const NetworkInput& next) {
  if (config_.change_scale == 0) return network_.peek(next);
  const auto& x_BT = next.x_BT;
  const auto of_frame = [&](const at::Tensor& value_BT) { return per_frame(value_BT, x_BT); };
  const auto factors = precondition(next.level_BT, before_level_BT_, config_.change_scale);
  const auto mean_BT = before_BT_ * of_frame(factors.of_before_BT);
  const auto rest_BT = x_BT - mean_BT * of_frame(next.level_BT);
  auto input = next;
  input.x_BT = at::where(of_frame(next.level_BT.ge(config_.context_level)), x_BT,
                         mean_BT + rest_BT * of_frame(factors.c_in_BT));
  return {mean_BT + network_.peek(input).x_BT * of_frame(factors.c_out_BT)};
}

at::Tensor sample_next_frame(CausalNetwork& frames, const Clip& known,
                             const SamplingOptions& sampling, const RolloutOptions& rollout) {
  const int64_t steps = rollout.denoise_steps;
  TORCH_CHECK(steps >= 1, "rollout: denoise_steps must be 1 or more, got ", steps);
  PreconditionedNetwork network(frames, sampling.how);
  NetworkInput context;
  context.x_BT = shown_context(known, sampling.how.context_level, rollout);
  context.actions_BTA = arriving_actions(known);
  context.level_BT = filled(known.x_BT, sampling.how.context_level);
  context.num_steps_BT = expanded(sampling.context_steps, known.x_BT);
  network.append(context);

  const int64_t frame_number = known.first_frame + known.x_BT.size(1);
  NetworkInput sample;
  sample.x_BT = sampling_noise(known, frame_number, rollout);
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
