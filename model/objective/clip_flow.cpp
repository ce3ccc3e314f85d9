// clip_flow: a clip is denoised as a whole by a network that attends to all of it, as text-to-video
// models do (Peebles and Xie 2023, diffusion transformer; Polyak et al. 2024, Movie Gen). Some
// frames are known and shown clean, the others share one noise level:
//
//   x_level = (1 - level) noise + level x,   level uniform in [0, 1)
//
// Which are known is a task, drawn for each clip: none (generate), the first few (continue), or
// the first few and the last (interpolate). The network predicts the clean frame (x-prediction,
// ramp weight, as in flow); known frames carry no loss.
#include <ATen/ATen.h>

#include "kernels/draws.h"
#include "model/objective/denoising.h"
#include "model/objective/masked_error.h"

namespace nextframe {

class ClipFlow final : public Objective {
 public:
  struct Config {
    bool generate = false;
    bool continues = true;
    bool interpolate = true;
    int64_t known_frames = 1;

    void fields(FieldVisitor& field) {
      field("generate", generate, "train on clips of which no frame is known");
      field("continue", continues, "train on clips whose first frames are known");
      field("interpolate", interpolate,
            "train on clips whose first frames and whose last are known");
      field("known_frames", known_frames,
            "how many first frames are known at most; a clip has 1 to so many", Range{1, 65536});
    }
    void check(const Report& report) const {
      if (!generate && !continues && !interpolate)
        report("continue", "is false, and so are generate and interpolate; needed: one task");
    }
  };

  explicit ClipFlow(const Config& config) : config_(config) {}

  Traits asks() const override { return {Trait::noise_levels, Trait::whole_clip}; }

  std::string clip_problem(int64_t clip_frames) const override {
    if (config_.known_frames < clip_frames) return "";
    return c10::str("leaves no frame to fill in beside objective.known_frames = ",
                    config_.known_frames, "; needed: ", config_.known_frames + 1, " or more");
  }

  int64_t most_known_frames() const override { return config_.known_frames; }

  LossTerms loss(CausalNetwork& network, const Clip& clip, const at::Tensor& draw) const override {
    const auto& ids_B = clip.sample_ids_B;
    const auto known_BT = draw_known(clip, draw);
    const auto level_B1 = draw_uniform(draw, DrawStream::noise_level, ids_B, {1});
    const auto level_BT = at::where(known_BT, 1.0, level_B1);
    // Frames that do not count must not be seen by those that do.
    const auto x_BT = clip.x_BT * per_frame(clip.mask_BT.to(clip.x_BT.scalar_type()), clip.x_BT);
    const auto noise_BT = draw_normal(draw, DrawStream::noise, ids_B, x_BT.sizes().slice(1));
    const auto guess_BT = network
                              .peek({.x_BT = mix_with_noise(x_BT, noise_BT, level_BT),
                                     .actions_BTA = arriving_actions(clip),
                                     .level_BT = level_BT})
                              .x_BT;
    const auto counts_BT = clip.mask_BT.logical_and(known_BT.logical_not());
    const auto weight_BT = ramp_weight(level_BT) * counts_BT.to(level_BT.scalar_type());
    LossTerms terms;
    terms.sum = weighted_squared_error(guess_BT, x_BT, weight_BT);
    terms.weight = total_weight(weight_BT, x_BT);
    terms.sums["denoise_squared_error"] = terms.sum.detach();
    return terms;
  }

  /// All frames but the known ones walk the straight line to the predicted clean clip together.
  at::Tensor fill(CausalNetwork& network, const Clip& clip, const at::Tensor& known_T,
                  const RolloutOptions& options) const override {
    const int64_t steps = options.denoise_steps, num_frames = clip.x_BT.size(1);
    TORCH_CHECK(steps >= 1, "fill: denoise_steps must be 1 or more, got ", steps);
    std::vector<at::Tensor> noise;
    for (int64_t t = 0; t < num_frames; ++t)
      noise.push_back(sampling_noise(clip, clip.first_frame + t, options));
    const auto known_1T = known_T.unsqueeze(0);
    const auto known_x = per_frame(known_1T, clip.x_BT);
    NetworkInput sample;
    sample.x_BT = at::where(known_x, clip.x_BT, at::cat(noise, 1));
    sample.actions_BTA = arriving_actions(clip);
    for (int64_t k = 0; k < steps; ++k) {
      const double level = static_cast<double>(k) / static_cast<double>(steps);
      sample.level_BT =
          at::where(known_1T, 1.0, level).to(at::kFloat).expand({clip.x_BT.size(0), num_frames});
      const auto change =
          (network.peek(sample).x_BT - sample.x_BT) / static_cast<double>(steps - k);
      sample.x_BT = at::where(known_x, clip.x_BT, sample.x_BT + change);
    }
    return sample.x_BT;
  }

  /// Not called: fill() takes its place.
  at::Tensor next(CausalNetwork&, const Clip&, const RolloutOptions&) const override { return {}; }

 private:
  /// Which frames of each clip are known, bool [B, T]; keyed by draw and sample ids.
  at::Tensor draw_known(const Clip& clip, const at::Tensor& draw) const {
    const int64_t T = clip.x_BT.size(1);
    const auto drawn_B2 = draw_uniform(draw, DrawStream::task, clip.sample_ids_B, {2});
    const auto time_1T = at::arange(T, drawn_B2.options()).unsqueeze(0);
    const auto first_known_BT = [&](int64_t most) {
      const auto bound = static_cast<double>(std::min(config_.known_frames, most));
      return time_1T.le((drawn_B2.slice(1, 1) * bound).floor());
    };
    std::vector<at::Tensor> of_task;
    if (config_.generate) of_task.push_back(at::zeros_like(first_known_BT(1)));
    if (config_.continues) of_task.push_back(first_known_BT(T - 1));
    if (config_.interpolate)
      of_task.push_back(first_known_BT(std::max<int64_t>(1, T - 2)).logical_or(time_1T.eq(T - 1)));
    const auto num_tasks = static_cast<int64_t>(of_task.size());
    const auto task_B1 = (drawn_B2.slice(1, 0, 1) * static_cast<double>(num_tasks)).floor();
    auto known_BT = at::zeros_like(of_task[0]);
    for (int64_t task = 0; task < num_tasks; ++task) {
      known_BT = known_BT.logical_or(
          of_task[static_cast<size_t>(task)].logical_and(task_B1.eq(static_cast<double>(task))));
    }
    return known_BT;
  }

  Config config_;
};

NF_REGISTER_OBJECTIVE("clip_flow", ClipFlow,
                      "denoising of whole clips: generates, continues and fills in between frames")

}  // namespace nextframe
