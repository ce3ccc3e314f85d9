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
#include "model/objective/masked_error.h"
#include "model/objective/objective.h"

namespace nextframe {

class Flow final : public Objective {
 public:
  struct Config {
    int64_t levels = 64;
    double context_level = 0.9;

    void fields(FieldVisitor& field) {
      field("levels", levels, "how many noise levels training draws from", Range{2, 1e6});
      field("context_level", context_level, "how clean the past is shown in sampling; 1 is clean",
            Range::above(0, 1));
    }
    void check(const Report&) const {}
  };

  explicit Flow(const Config& config) : config_(config) {}

  bool has_noise_levels() const override { return true; }

  LossTerms loss(const Network& network, const at::Tensor& x_BT, const at::Tensor& actions_BTA,
                 const at::Tensor& mask_BT, const at::Tensor& sample_ids_B,
                 const at::Tensor& draw) const override {
    const auto sizes = x_BT.sizes();
    const auto levels = static_cast<double>(config_.levels);
    const auto level_BT =
        draw_uniform(draw, DrawStream::noise_level, sample_ids_B, {sizes[1]}).mul(levels).floor() /
        levels;
    const auto noise_BT = draw_normal(draw, DrawStream::noise, sample_ids_B, sizes.slice(1));
    const auto guess_BT =
        network(mixed(x_BT, noise_BT, level_BT), arriving(actions_BTA.slice(1, 0, -1)), level_BT);
    const auto weight_BT = valid_pairs(mask_BT) * (level_BT.slice(1, 1) * 0.9 + 0.1);
    const auto target_BT = x_BT.slice(1, 1);
    LossTerms terms;
    terms.sum = weighted_squared_error(guess_BT.slice(1, 1), target_BT, weight_BT);
    terms.weight = total_weight(weight_BT, x_BT);
    terms.sums["denoise_squared_error"] = terms.sum.detach();
    terms.sums["copy_squared_error"] =
        weighted_squared_error(target_BT, x_BT.slice(1, 0, -1), weight_BT);
    return terms;
  }

  at::Tensor one_step(const Network& network, const at::Tensor& x_BT, const at::Tensor& actions_BTA,
                      int64_t skip, const RolloutOptions& options) const override {
    const auto context_BT = shown_context(x_BT.slice(1, 0, -1), options.first_frame, options);
    std::vector<at::Tensor> guesses;
    for (int64_t t = 1 + skip; t < x_BT.size(1); ++t) {
      guesses.push_back(sampled(network, context_BT.slice(1, 0, t), actions_BTA.slice(1, 0, t),
                                options.first_frame + t, options));
    }
    return at::cat(guesses, 1);
  }

  at::Tensor next(const Network& network, const at::Tensor& x_BT, const at::Tensor& actions_BTA,
                  int64_t frame_number, const RolloutOptions& options) const override {
    const auto context_BT = shown_context(x_BT, frame_number - x_BT.size(1), options);
    return sampled(network, context_BT, actions_BTA, frame_number, options);
  }

 private:
  enum class Purpose : uint64_t { start = 0, context = 1 };

  /// Frame `frame_number` of its episode, after the context as it is shown.
  at::Tensor sampled(const Network& network, const at::Tensor& context_BT,
                     const at::Tensor& actions_BTA, int64_t frame_number,
                     const RolloutOptions& options) const {
    TORCH_CHECK(options.denoise_steps >= 1, "flow: denoise_steps must be 1 or more, got ",
                options.denoise_steps);
    const int64_t steps = options.denoise_steps;
    const auto actions_arriving_BTA = arriving(actions_BTA);
    auto level_BT = at::full({context_BT.size(0), context_BT.size(1) + 1}, config_.context_level,
                             context_BT.options());
    auto frame_B1 = frame_noise(context_BT, frame_number, Purpose::start, options);
    for (int64_t k = 0; k < steps; ++k) {
      level_BT.select(1, -1).fill_(static_cast<double>(k) / static_cast<double>(steps));
      const auto guess_B1 =
          network(at::cat({context_BT, frame_B1}, 1), actions_arriving_BTA, level_BT).slice(1, -1);
      // A straight line to the guess, walked up to the next level; the last step arrives.
      frame_B1 = frame_B1 + (guess_B1 - frame_B1) / static_cast<double>(steps - k);
    }
    return frame_B1;
  }

  static at::Tensor mixed(const at::Tensor& x_BT, const at::Tensor& noise_BT,
                          const at::Tensor& level_BT) {
    std::vector<int64_t> sizes(static_cast<size_t>(x_BT.dim()), 1);
    sizes[0] = x_BT.size(0);
    sizes[1] = x_BT.size(1);
    return at::lerp(noise_BT, x_BT, level_BT.view(sizes));
  }

  /// The action that led to each frame; none to the first.
  static at::Tensor arriving(const at::Tensor& actions_BTA) {
    return at::constant_pad_nd(actions_BTA, {0, 0, 1, 0});
  }

  static at::Tensor sample_ids(const at::Tensor& x_BT, const RolloutOptions& options) {
    const int64_t rows = x_BT.size(0);
    if (!options.sample_ids_B.defined()) return at::zeros({rows}, at::kLong);
    TORCH_CHECK(options.sample_ids_B.numel() == rows, "flow: ", rows,
                " rows need as many sample ids, got ", options.sample_ids_B.numel());
    return options.sample_ids_B;
  }

  /// [B, 1, ...], a row keyed by (seed, number of the frame, sample id), so that an episode dreams
  /// the same in any batch.
  static at::Tensor frame_noise(const at::Tensor& x_BT, int64_t frame_number, Purpose purpose,
                                const RolloutOptions& options) {
    const Draw draw{options.seed,
                    2 * static_cast<uint64_t>(frame_number) + static_cast<uint64_t>(purpose)};
    auto sizes = x_BT.sizes().slice(1).vec();
    sizes[0] = 1;
    const auto ids_B = sample_ids(x_BT, options);
    return draw_normal(as_tensor(draw, ids_B.device()), DrawStream::rollout, ids_B, sizes)
        .to(x_BT.device());
  }

  at::Tensor shown_context(const at::Tensor& x_BT, int64_t first_frame,
                           const RolloutOptions& options) const {
    if (config_.context_level == 1) return x_BT;
    std::vector<at::Tensor> noise;
    for (int64_t t = 0; t < x_BT.size(1); ++t) {
      noise.push_back(frame_noise(x_BT, first_frame + t, Purpose::context, options));
    }
    return at::cat(noise, 1).lerp(x_BT, config_.context_level);
  }

  Config config_;
};

NF_REGISTER_OBJECTIVE("flow", Flow, "denoising with a noise level a frame; dreams by sampling")

}  // namespace nextframe
