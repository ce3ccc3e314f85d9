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

struct SamplingOptions {
  double context_level = 1;  // how clean known frames are shown
  at::Tensor
      context_steps;        // NetworkInput::num_steps_BT of known frames, a scalar; undefined: none
  at::Tensor sample_steps;  // the same of the frame that is sampled
};

/// Appends the known frames, mixed with noise, then samples the frame after them from noise in
/// `rollout.denoise_steps` steps: each walks the straight line to the predicted clean frame up to
/// the next level.
at::Tensor sample_next_frame(CausalNetwork& network, const Clip& known,
                             const SamplingOptions& sampling, const RolloutOptions& rollout);

}  // namespace nextframe
