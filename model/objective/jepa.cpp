// jepa: predicts representations of coming frames, which are learned at the same time, and no
// pixels (LeCun 2022, joint-embedding predictive architecture; Maes et al. 2026, LeWM, with both
// of its terms):
//
//   loss = |z^_{t+1} - z_{t+1}|^2 + weight * SIGReg(z)
//
// Gradients pass through both z and its prediction, which zeros would satisfy. What keeps z from
// collapsing is SIGReg (Balestriero and LeCun 2025): along random directions, its values over the
// frames of a grain have to look standard normal, by the statistic of Epps and Pulley (1983):
//
//   n * integral of |phi_n(t) - exp(-t^2 / 2)|^2 exp(-t^2 / 2) dt,   phi_n the mean of exp(i t x)
//
// by the trapezoidal rule over t in [-3, 3]. Directions are drawn by the step alone: all grains
// have the same, and each grain's statistic is its own, so the sum is the same on any number of
// ranks.
#include <ATen/ATen.h>
#include <torch/utils.h>

#include "kernels/draws.h"
#include "model/objective/masked_error.h"
#include "model/objective/objective.h"

namespace nextframe {
namespace {

constexpr int64_t kKnots = 17;
constexpr double kLastKnot = 3;

}  // namespace

class Jepa final : public Objective {
 public:
  struct Config {
    double weight = 0.1;
    int64_t projections = 256;
    int64_t steps_ahead = 2;

    void fields(FieldVisitor& field) {
      field("weight", weight,
            "of SIGReg, which keeps representations from collapsing; 0 shows how they do",
            Range{0, 1e3});
      field("projections", projections, "random directions of SIGReg in a step", Range{1, 65536});
      field(
          "steps_ahead", steps_ahead,
          "how many frames ahead are predicted, each from the prediction before it, through which "
          "no gradient passes",
          Range{1, 64});
    }
    void check(const Report&) const {}
  };

  explicit Jepa(const Config& config) : config_(config) {}

  Traits asks() const override { return {Trait::learned_latents}; }
  Traits frames() const override { return {Trait::values}; }

  std::string clip_problem(int64_t clip_frames) const override {
    if (config_.steps_ahead < clip_frames) return "";
    return c10::str("has no frame that is objective.steps_ahead = ", config_.steps_ahead,
                    " ahead of another; needed: ", config_.steps_ahead + 1, " or more");
  }

  /// SIGReg is of a grain's frames together.
  int64_t least_clips() const override { return 2; }

  /// Each step ahead is a call without a gradient, and as many rows again with one.
  double extra_forwards() const override {
    return 4 * static_cast<double>(config_.steps_ahead - 1);
  }

  LossTerms loss(CausalNetwork& network, const Clip& clip, const at::Tensor& draw) const override {
    const auto valid_BT = valid_pairs(clip.mask_BT);
    const auto &x_BT = clip.x_BT, target_BT = x_BT.slice(1, 1);
    const auto actions_BTA = clip.actions_BTA.slice(1, 0, -1);
    const auto shown = shown_by_age(network, x_BT.slice(1, 0, -1), actions_BTA);
    const auto ages = static_cast<int64_t>(shown.size());
    // All in one call, as a block may run once with a gradient.
    const auto all_actions = at::cat(std::vector<at::Tensor>(shown.size(), actions_BTA));
    const auto guesses = predict(network, at::cat(shown), all_actions).chunk(ages);
    LossTerms terms;
    for (int64_t age = 0; age < ages; ++age) {
      // The first frames have no prediction that is so old.
      const auto& guess_BT = guesses[static_cast<size_t>(age)];
      const auto error = weighted_squared_error(guess_BT.slice(1, age), target_BT.slice(1, age),
                                                valid_BT.slice(1, age));
      if (age == 0) terms.sums["squared_error"] = error.detach();
      const auto share = error / static_cast<double>(ages);
      terms.sum = age == 0 ? share : terms.sum + share;
    }
    terms.sums["copy_squared_error"] =
        weighted_squared_error(target_BT, x_BT.slice(1, 0, -1), valid_BT).detach();
    terms.weight = total_weight(valid_BT, x_BT);
    if (config_.weight > 0) {
      const auto normality = sigreg(x_BT, clip.mask_BT, draw) * terms.weight.to(x_BT.scalar_type());
      terms.sum = terms.sum + config_.weight * normality;
      terms.sums["sigreg"] = normality.detach();
    }
    return terms;
  }

  at::Tensor next(CausalNetwork& network, const Clip& known,
                  const RolloutOptions& /*options*/) const override {
    const auto output_BT =
        network.append({.x_BT = known.x_BT, .actions_BTA = known.actions_BTA}).x_BT;
    return known.x_BT.slice(1, -1) + output_BT.slice(1, -1);
  }

  /// All frames at once.
  at::Tensor one_step(CausalNetwork& network, const Clip& clip, int64_t skip,
                      const RolloutOptions& /*options*/) const override {
    return predict(network, clip.x_BT.slice(1, 0, -1), clip.actions_BTA.slice(1, 0, -1))
        .slice(1, skip);
  }

 private:
  /// What the network is shown of frames 0 .. T-2: the true ones, then each as it was predicted
  /// from the frame before, from the one before that, and so on, without a gradient; but the first
  /// few, of which there is no such prediction, are true.
  std::vector<at::Tensor> shown_by_age(CausalNetwork& network, const at::Tensor& x_BT,
                                       const at::Tensor& actions_BTA) const {
    const torch::NoGradGuard no_grad;
    std::vector<at::Tensor> shown{x_BT};
    const int64_t ages = std::min(config_.steps_ahead, x_BT.size(1));
    for (int64_t age = 1; age < ages; ++age) {
      const auto guess_BT = predict(network, shown.back(), actions_BTA);
      shown.push_back(at::cat({x_BT.slice(1, 0, age), guess_BT.slice(1, age - 1, -1)}, 1));
    }
    return shown;
  }

  /// The network says how the next frame differs.
  static at::Tensor predict(CausalNetwork& network, const at::Tensor& x_BT,
                            const at::Tensor& actions_BTA) {
    return x_BT + network.peek({.x_BT = x_BT, .actions_BTA = actions_BTA}).x_BT;
  }

  /// The statistic above, mean over tokens of a frame and directions; a scalar. Where values are
  /// standard normal its mean is 1.05, the integral of (1 - exp(-t^2)) exp(-t^2 / 2); where all are
  /// 0 it is 0.40 n.
  ///   x_BTNE   float32
  ///   mask_BT  frames that count
  at::Tensor sigreg(const at::Tensor& x_BTNE, const at::Tensor& mask_BT,
                    const at::Tensor& draw) const {
    const int64_t N = x_BTNE.size(2), E = x_BTNE.size(3);
    const auto of_all = at::zeros({1}, mask_BT.options().dtype(at::kLong));
    const auto drawn_ME =
        draw_normal(draw, DrawStream::projection, of_all, {config_.projections, E}).squeeze(0);
    const auto direction_ME = drawn_ME / drawn_ME.norm(2, 1, true);
    const auto values_SNM = x_BTNE.reshape({-1, N, E}).matmul(direction_ME.t());
    const auto counts_S = mask_BT.reshape({-1}).to(x_BTNE.scalar_type());
    const auto count = counts_S.sum().clamp_min(1);
    // Of t and -t the squares are equal: one side, twice.
    const auto knots_K = at::linspace(0, kLastKnot, kKnots, x_BTNE.options());
    auto widths_K = at::full({kKnots}, 2 * kLastKnot / (kKnots - 1), x_BTNE.options());
    widths_K.slice(0, 0, 1).mul_(0.5);
    widths_K.slice(0, kKnots - 1).mul_(0.5);
    const auto normal_K = (knots_K.square() * -0.5).exp();
    const auto angles_SNMK = values_SNM.unsqueeze(3) * knots_K;
    const auto mean_NMK = [&](const at::Tensor& waves_SNMK) {
      return at::tensordot(counts_S, waves_SNMK, {0}, {0}) / count;
    };
    const auto real = mean_NMK(angles_SNMK.cos()) - normal_K,
               imaginary = mean_NMK(angles_SNMK.sin());
    const auto statistic_NM =
        ((real.square() + imaginary.square()) * (normal_K * widths_K)).sum(2) * count;
    return statistic_NM.mean();
  }

  Config config_;
};

NF_REGISTER_OBJECTIVE("jepa", Jepa, "predicts learned representations of coming frames, no pixels")

}  // namespace nextframe
