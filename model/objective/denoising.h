// What objectives that denoise share: mixing with noise, and sampling a frame step by step.
//
//   x_level = (1 - level) noise + level x
//
// Noise in sampling is keyed by (seed, number of the frame in its episode, sample id), so that an
// episode dreams the same in any batch and wherever a window was cut.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/objective/objective.h"

namespace nextframe {

/// x at level_BT (see above).
at::Tensor mix_with_noise(const at::Tensor& x_BT, const at::Tensor& noise_BT,
                          const at::Tensor& level_BT);

/// The weight of a frame by its level: 0.1 at pure noise, 1 at clean, as little can be learned from
/// noise (Hafner et al. 2025, ramp weight).
at::Tensor ramp_weight(const at::Tensor& level_BT);

/// Keys that objectives which denoise have in common.
struct DenoisingConfig {
  double context_level = 0.9;
  double clean_frames = 0;
  double change_scale = 0;

  void fields(FieldVisitor& field);
};

/// Which frames training shows as sampling shows the past, [B, T] bool: each with probability
/// `share`, and the first of a clip always, as it carries no loss. Undefined if `share` is 0.
at::Tensor draw_known_frames(const Clip& clip, const at::Tensor& draw, double share);

/// Frames as sampling shows the past; undefined where change_scale is 0, as nobody asks for them.
at::Tensor as_past(const at::Tensor& x_BT, const at::Tensor& noise_BT,
                   const DenoisingConfig& config);

/// How much a frame counts in the loss, [B, T]: 0 if it is shown as known. Else 1 if the network
/// corrects a guess from the frame before, as then noise is no excuse; if not, ramp_weight.
at::Tensor loss_weight(const DenoisingConfig& config, const at::Tensor& level_BT,
                       const at::Tensor& is_known_BT);

/// What the frame before says of a frame, if pixels were independent and Gaussian: its mean and
/// variance. What is shown of the frame itself is given to the network relative to that, scaled as
/// Karras et al. 2022 scale it (eq. 7 and table 1, around the frame before in place of 0):
///
///   mean   = of_before * (frame before as shown)
///   input  = mean + c_in (frame as shown - level * mean)
///   guess  = mean + c_out * output
///
/// Without a frame before, mean is 0 and the variance that of a pixel, 1/2; c_out is its root. A
/// change from frame to frame has variance change_scale^2.
///
/// Unlike in the paper, what is shown of the frame does not skip the network: its noise would have
/// to be taken out again, and did pile up over many steps. And c_in falls to a tenth where the
/// frame is pure noise, or its noise would hide the frame before: a frame changes little, and noise
/// is as large as a change.
struct Preconditioning {
  at::Tensor of_before_BT, c_in_BT, c_out_BT;
};

///   before_level_BT  the level of the frame before, 0 where there is none
Preconditioning precondition(const at::Tensor& level_BT, const at::Tensor& before_level_BT,
                             double change_scale);

/// A network around a network that is given `input` and returns `guess` (see above), so that with
/// an output of 0 it repeats the last frame.
///
/// The frame before is given as sampling shows the past, in training, too, however noisy attention
/// sees it there: so every frame of a clip learns what a dream asks for. A frame that is itself at
/// least as clean as the past is given as it is shown.
///
/// Where change_scale is 0, the network is given frames as shown, and its output is the guess.
class PreconditionedNetwork final : public CausalNetwork {
 public:
  /// For sampling: the frame before is the last that was appended.
  PreconditionedNetwork(CausalNetwork& network, const DenoisingConfig& config)
      : network_(network), config_(config) {}

  /// For training: peek() looks at a clip.
  ///   past_BT  as_past()
  PreconditionedNetwork(CausalNetwork& network, const DenoisingConfig& config,
                        const at::Tensor& past_BT);

  NetworkOutput peek(const NetworkInput& next) override;
  NetworkOutput append(const NetworkInput& next) override;

 private:
  CausalNetwork& network_;
  DenoisingConfig config_;
  at::Tensor before_BT_, before_level_BT_;  // the frame before each
};

/// Standard normal noise from which a dream's frame is sampled, [B, 1, ...] as frames of `like`.
at::Tensor sampling_noise(const Clip& like, int64_t frame_number, const RolloutOptions& rollout);

struct SamplingOptions {
  DenoisingConfig how;
  at::Tensor context_steps;  // NetworkInput::num_steps_BT of known frames, a scalar, or undefined
  at::Tensor sample_steps;   // the same of the frame that is sampled
};

/// Appends the known frames, mixed with noise, then samples the frame after them from noise in
/// `rollout.denoise_steps` steps: each walks the straight line to the predicted clean frame up to
/// the next level.
at::Tensor sample_next_frame(CausalNetwork& network, const Clip& known,
                             const SamplingOptions& sampling, const RolloutOptions& rollout);

}  // namespace nextframe
