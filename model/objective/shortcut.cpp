// shortcut: few-step sampling from the same weights (Frans et al. 2024, shortcut models; Hafner et
// al. 2025, shortcut forcing: a level and a step size for each frame, x-prediction).
//
// The network is told how large the step is that it takes from a noisy frame, 1/n of the way from
// noise to clean, and predicts the clean frame so that the step arrives where smaller steps would:
//
//   most rows   n = levels, the smallest step: as `flow`, the target is the clean frame
//   the others  n in {1, 2, 4, .. levels/2}: two steps of half the size, without a gradient, give
//   the
//               velocities v1 and v2; the target is x_level + (1 - level) (v1 + v2) / 2
//
//   x_level = (1 - level) noise + level x,   level in {0, 1/n, .. (n-1)/n}
//
// Unlike in both papers, the network corrects a guess from the frame before (PreconditionedNetwork
// in denoising.h), and some frames are shown as a dream shows its past.
#include <ATen/ATen.h>
#include <torch/utils.h>

#include "kernels/draws.h"
#include "model/objective/denoising.h"
#include "model/objective/masked_error.h"

namespace nextframe {
namespace {

int64_t log2_of(int64_t power) {
  int64_t log2 = 0;
  while ((int64_t{1} << log2) < power) ++log2;
  return log2;
}

bool is_power_of_two(int64_t value) { return value > 0 && (value & (value - 1)) == 0; }

at::Tensor rows_of(const at::Tensor& tensor, int64_t first, int64_t end) {
  return tensor.defined() ? tensor.slice(0, first, end) : tensor;
}

Clip rows_of(const Clip& clip, int64_t first, int64_t end) {
  return {.x_BT = rows_of(clip.x_BT, first, end),
          .actions_BTA = rows_of(clip.actions_BTA, first, end),
          .before_B1A = rows_of(clip.before_B1A, first, end),
          .mask_BT = rows_of(clip.mask_BT, first, end),
          .sample_ids_B = rows_of(clip.sample_ids_B, first, end),
          .first_frame = clip.first_frame,
          .bound = clip.bound};
}

}  // namespace

class Shortcut final : public Objective {
 public:
  struct Config {
    int64_t levels = 32;
    double self_fraction = 0.25;
    int64_t bootstrap_start = 800;
    DenoisingConfig denoising{.context_level = 0.98, .clean_frames = 0.25, .change_scale = 0.2};

    void fields(FieldVisitor& field) {
      field("levels", levels, "how many noise levels training draws from; a power of 2",
            Range{2, 65536});
      field("self_fraction", self_fraction,
            "share of a grain's clips that learn large steps from the model's own smaller ones",
            Range{1e-3, 0.9});
      field("bootstrap_start", bootstrap_start,
            "step from which those clips count; before it their targets would be noise",
            Range{0, 1e12});
      denoising.fields(field);
    }
    void check(const Report& report) const {
      if (!is_power_of_two(levels)) {
        report("levels", c10::str("is not a power of 2; nearest: ", int64_t{1} << log2_of(levels)));
      }
    }
  };

  explicit Shortcut(const Config& config) : config_(config) {}

  Traits asks() const override { return {Trait::noise_levels, Trait::step_sizes}; }

  /// One of them learns large steps.
  int64_t least_clips() const override {
    return static_cast<int64_t>(std::ceil(1 / config_.self_fraction - 1e-9));
  }

  double extra_forwards() const override { return 2 * config_.self_fraction; }

  std::string steps_problem(int64_t steps) const override {
    if (is_power_of_two(steps) && steps <= config_.levels) return "";
    return c10::str("is not 1, 2, 4, .. objective.levels = ", config_.levels,
                    ": shortcut learned steps of these sizes only");
  }

  LossTerms loss(CausalNetwork& bare_network, const Clip& clip,
                 const at::Tensor& draw) const override {
    const int64_t rows = clip.x_BT.size(0);
    const auto num_self =
        static_cast<int64_t>(std::floor(config_.self_fraction * static_cast<double>(rows) + 1e-9));
    TORCH_CHECK(num_self >= 1, "shortcut: grains need ", least_clips(), " clips or more, got ",
                rows);
    const auto frames = draw_frames(clip, draw, rows - num_self);
    const auto own = rows_of(clip, rows - num_self, rows);
    const auto own_frames = frames.rows(rows - num_self, rows);
    PreconditionedNetwork network(bare_network, config_.denoising, frames.past_BT);
    PreconditionedNetwork own_network(bare_network, config_.denoising, own_frames.past_BT);
    const auto target_BT = at::cat(
        {clip.x_BT.slice(0, 0, rows - num_self), self_target(own_network, own, own_frames)}, 0);
    // Both kinds of rows go through the network at once.
    const auto guess_BT = network.peek(input_of(clip, frames)).x_BT;

    const auto counts = draw.select(0, 1).ge(config_.bootstrap_start).to(at::kFloat);
    const auto row_weight_B =
        at::cat({at::ones({rows - num_self}, counts.options()), counts.expand({num_self})});
    const auto level_weight_BT =
        loss_weight(config_.denoising, frames.level_BT, frames.is_known_BT).slice(1, 1);
    const auto weight_BT = valid_pairs(clip.mask_BT) * level_weight_BT * row_weight_B.unsqueeze(1);
    LossTerms terms;
    terms.sum = weighted_squared_error(guess_BT.slice(1, 1), target_BT.slice(1, 1), weight_BT);
    terms.weight = total_weight(weight_BT, clip.x_BT);
    const auto error_of = [&](const at::Tensor& guess, int64_t first, int64_t end) {
      return weighted_squared_error(guess.slice(0, first, end).detach().slice(1, 1),
                                    target_BT.slice(0, first, end).slice(1, 1),
                                    weight_BT.slice(0, first, end));
    };
    terms.sums["denoise_squared_error"] = error_of(guess_BT, 0, rows - num_self);
    terms.sums["self_squared_error"] = error_of(guess_BT, rows - num_self, rows);
    terms.sums["copy_squared_error"] =
        weighted_squared_error(clip.x_BT.slice(1, 1), clip.x_BT.slice(1, 0, -1), weight_BT);
    return terms;
  }

  at::Tensor next(CausalNetwork& network, const Clip& known,
                  const RolloutOptions& options) const override {
    const int64_t steps = options.denoise_steps;
    const auto problem = steps_problem(steps);
    TORCH_CHECK(problem.empty(), "shortcut: evaluate.denoise_steps = ", steps, " ", problem);
    const auto scalar = [](int64_t value) {
      return at::scalar_tensor(static_cast<double>(value), at::kFloat);
    };
    return sample_next_frame(network, known,
                             {.how = config_.denoising,
                              .context_steps = scalar(config_.levels),
                              .sample_steps = scalar(steps)},
                             options);
  }

 private:
  /// Noisy frames, and where they are on their way.
  struct NoisyFrames {
    at::Tensor x_BT, level_BT, num_steps_BT;
    at::Tensor is_known_BT;  // bool, shown as sampling shows the past; undefined: none
    at::Tensor past_BT;      // see as_past()

    NoisyFrames rows(int64_t first, int64_t end) const {
      return {x_BT.slice(0, first, end), level_BT.slice(0, first, end),
              num_steps_BT.slice(0, first, end), rows_of(is_known_BT, first, end),
              rows_of(past_BT, first, end)};
    }
  };

  /// Each frame gets a step size of its own from row `first_self` on, the smallest before, and a
  /// level at which such a step begins.
  NoisyFrames draw_frames(const Clip& clip, const at::Tensor& draw, int64_t first_self) const {
    const auto sizes = clip.x_BT.sizes();
    const auto uniform_BT =
        draw_uniform(draw, DrawStream::noise_level, clip.sample_ids_B, {2, sizes[1]});
    const auto doublings_BT =
        uniform_BT.select(1, 0).mul(static_cast<double>(log2_of(config_.levels))).floor();
    auto num_steps_BT =
        at::cat({at::full({first_self, sizes[1]}, static_cast<double>(config_.levels),
                          doublings_BT.options()),
                 doublings_BT.slice(0, first_self).exp2().round()});
    auto level_BT = uniform_BT.select(1, 1).mul(num_steps_BT).floor() / num_steps_BT;
    const auto is_known_BT = draw_known_frames(clip, draw, config_.denoising.clean_frames);
    if (is_known_BT.defined()) {
      level_BT = level_BT.masked_fill(is_known_BT, config_.denoising.context_level);
      num_steps_BT = num_steps_BT.masked_fill(is_known_BT, static_cast<double>(config_.levels));
    }
    const auto noise_BT = draw_normal(draw, DrawStream::noise, clip.sample_ids_B, sizes.slice(1));
    return {mix_with_noise(clip.x_BT, noise_BT, level_BT), level_BT, num_steps_BT, is_known_BT,
            as_past(clip.x_BT, noise_BT, config_.denoising)};
  }

  static NetworkInput input_of(const Clip& clip, const NoisyFrames& frames) {
    return {.x_BT = frames.x_BT,
            .actions_BTA = arriving_actions(clip),
            .level_BT = frames.level_BT,
            .num_steps_BT = frames.num_steps_BT};
  }

  /// Where two steps of half the size lead, continued to a clean frame. Known frames stay as they
  /// are.
  static at::Tensor self_target(CausalNetwork& network, const Clip& clip,
                                const NoisyFrames& frames) {
    const torch::NoGradGuard no_grad;
    const auto unless_known = [&](const at::Tensor& moved_BT, const at::Tensor& as_it_was_BT) {
      if (!frames.is_known_BT.defined()) return moved_BT;
      const auto is_known_BT =
          moved_BT.dim() == 2 ? frames.is_known_BT : per_frame(frames.is_known_BT, moved_BT);
      return at::where(is_known_BT, as_it_was_BT, moved_BT);
    };
    NoisyFrames half = frames;
    half.num_steps_BT = unless_known(frames.num_steps_BT * 2, frames.num_steps_BT);
    const auto velocity = [&] {
      const auto guess_BT = network.peek(input_of(clip, half)).x_BT.clamp(-clip.bound, clip.bound);
      return (guess_BT - half.x_BT) / per_frame(1 - half.level_BT, half.x_BT);
    };
    const auto first = velocity();
    half.x_BT =
        unless_known(half.x_BT + first / per_frame(half.num_steps_BT, half.x_BT), half.x_BT);
    half.level_BT = unless_known(half.level_BT + 1 / half.num_steps_BT, half.level_BT);
    const auto mean = (first + velocity()) / 2;
    return unless_known(frames.x_BT + mean * per_frame(1 - frames.level_BT, frames.x_BT),
                        frames.x_BT);
  }

  Config config_;
};

NF_REGISTER_OBJECTIVE("shortcut", Shortcut,
                      "denoising that learns large steps; dreams in 1, 2, 4 .. steps a frame")

}  // namespace nextframe
