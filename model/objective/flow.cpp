// flow: every frame of a clip is noised on its own (Chen et al. 2024, diffusion forcing), the
// network predicts the clean frame (Hafner et al. 2025, section on shortcut forcing: x-prediction,
// ramp weight).
//
//   x_level = (1 - level) noise + level x,   level in {0, 1/levels, ..., (levels-1)/levels}
//
// The frame that is predicted carries the action that leads to it, so actions stand one place later
// than in the batch and the first frame has none.
#include <ATen/ATen.h>

#include "kernels/draws.h"
#include "model/objective/denoising.h"
#include "model/objective/masked_error.h"

namespace nextframe {

class Flow final : public Objective {
 public:
  struct Config {
    int64_t levels = 64;
    DenoisingConfig denoising;

    void fields(FieldVisitor& field) {
      field("levels", levels, "how many noise levels training draws from", Range{2, 1e6});
      denoising.fields(field);
    }
    void check(const Report&) const {}
  };

  explicit Flow(const Config& config) : config_(config) {}

  Traits asks() const override { return {Trait::noise_levels}; }

  LossTerms loss(CausalNetwork& bare_network, const Clip& clip,
                 const at::Tensor& draw) const override {
    const auto& x_BT = clip.x_BT;
    const auto sizes = x_BT.sizes();
    const auto levels = static_cast<double>(config_.levels);
    auto level_BT = draw_uniform(draw, DrawStream::noise_level, clip.sample_ids_B, {sizes[1]})
                        .mul(levels)
                        .floor() /
                    levels;
    const auto is_known_BT = draw_known_frames(clip, draw, config_.denoising.clean_frames);
    if (is_known_BT.defined()) {
      level_BT = level_BT.masked_fill(is_known_BT, config_.denoising.context_level);
    }
    const auto noise_BT = draw_normal(draw, DrawStream::noise, clip.sample_ids_B, sizes.slice(1));
    PreconditionedNetwork network(bare_network, config_.denoising,
                                  as_past(clip.x_BT, noise_BT, config_.denoising));
    const auto guess_BT = network
                              .peek({.x_BT = mix_with_noise(x_BT, noise_BT, level_BT),
                                     .actions_BTA = arriving_actions(clip),
                                     .level_BT = level_BT,
                                     .num_steps_BT = {}})
                              .x_BT;
    const auto weight_BT = valid_pairs(clip.mask_BT) *
                           loss_weight(config_.denoising, level_BT, is_known_BT).slice(1, 1);
    const auto target_BT = x_BT.slice(1, 1);
    LossTerms terms;
    terms.sum = weighted_squared_error(guess_BT.slice(1, 1), target_BT, weight_BT);
    terms.weight = total_weight(weight_BT, x_BT);
    terms.sums["denoise_squared_error"] = terms.sum.detach();
    terms.sums["copy_squared_error"] =
        weighted_squared_error(target_BT, x_BT.slice(1, 0, -1), weight_BT);
    return terms;
  }

  at::Tensor next(CausalNetwork& network, const Clip& known,
                  const RolloutOptions& options) const override {
    return sample_next_frame(network, known,
                             {.how = config_.denoising, .context_steps = {}, .sample_steps = {}},
                             options);
  }

 private:
  Config config_;
};

NF_REGISTER_OBJECTIVE("flow", Flow, "denoising with a noise level a frame; dreams by sampling")

}  // namespace nextframe
