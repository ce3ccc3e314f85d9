// regress: the network predicts how the next frame differs from the present one, by least squares.
//
// With own_past, some clips of a grain learn to go on from the model's own predictions, as they
// will have to in a rollout: half of their frames are shown as the model predicts them, without a
// gradient (scheduled sampling in parallel, Mihaylova and Martins 2019).
#include <ATen/ATen.h>
#include <torch/utils.h>

#include <cmath>

#include "kernels/draws.h"
#include "model/objective/masked_error.h"
#include "model/objective/objective.h"

namespace nextframe {

class Regress final : public Objective {
 public:
  struct Config {
    double residual_scale = 0.25;
    double own_past = 0;

    void fields(FieldVisitor& field) {
      field("residual_scale", residual_scale,
            "change of a pixel, of its range of 2, that an output of 1 stands for",
            Range::above(0, 1e6));
      field("own_past", own_past,
            "share of a grain's clips in which half of the past is the model's own prediction, "
            "against drift in long rollouts; 0: none",
            Range{0, 1});
    }
    void check(const Report&) const {}
  };

  explicit Regress(const Config& config) : config_(config) {}

  Traits asks() const override { return {}; }

  /// At least one of them goes on from its own past.
  int64_t least_clips() const override {
    if (config_.own_past == 0) return 1;
    return static_cast<int64_t>(std::ceil(1 / config_.own_past - 1e-9));
  }

  double extra_forwards() const override { return config_.own_past; }

  LossTerms loss(CausalNetwork& network, const Clip& clip, const at::Tensor& draw) const override {
    const auto next_BT = clip.x_BT.slice(1, 1), now_BT = clip.x_BT.slice(1, 0, -1);
    const auto actions_BTA = clip.actions_BTA.slice(1, 0, -1);
    const auto shown_BT =
        config_.own_past > 0 ? with_own_past(network, clip, draw).slice(1, 0, -1) : now_BT;
    const auto change_BT = next_BT - shown_BT;
    const auto guess_BT = network.peek(input(shown_BT, actions_BTA)).x_BT;
    const auto valid_BT = valid_pairs(clip.mask_BT);
    LossTerms terms;
    terms.sum = weighted_squared_error(guess_BT * config_.residual_scale, change_BT, valid_BT);
    terms.weight = total_weight(valid_BT, clip.x_BT);
    terms.sums["squared_error"] = terms.sum.detach();
    terms.sums["copy_squared_error"] = weighted_squared_error(next_BT, now_BT, valid_BT);
    return terms;
  }

  at::Tensor next(CausalNetwork& network, const Clip& known,
                  const RolloutOptions& /*options*/) const override {
    const auto guess_BT = network.append(input(known.x_BT, known.actions_BTA)).x_BT;
    return known.x_BT.slice(1, -1) + guess_BT.slice(1, -1) * config_.residual_scale;
  }

  /// All frames at once.
  at::Tensor one_step(CausalNetwork& network, const Clip& clip, int64_t skip,
                      const RolloutOptions& /*options*/) const override {
    const auto now_BT = clip.x_BT.slice(1, 0, -1);
    const auto guess_BT = network.peek(input(now_BT, clip.actions_BTA.slice(1, 0, -1))).x_BT;
    return (now_BT + guess_BT * config_.residual_scale).slice(1, skip);
  }

 private:
  static NetworkInput input(const at::Tensor& x_BT, const at::Tensor& actions_BTA) {
    return {.x_BT = x_BT, .actions_BTA = actions_BTA};
  }

  /// The clip's frames, of the last rows about every second one as the model predicts it.
  at::Tensor with_own_past(CausalNetwork& network, const Clip& clip, const at::Tensor& draw) const {
    const torch::NoGradGuard no_grad;
    const int64_t rows = clip.x_BT.size(0), frames = clip.x_BT.size(1);
    const int64_t first =
        rows -
        static_cast<int64_t>(std::floor(config_.own_past * static_cast<double>(rows) + 1e-9));
    TORCH_CHECK(first < rows, "regress: own_past needs grains of ", least_clips(),
                " clips or more, got ", rows);
    auto own = clip;
    own.x_BT = clip.x_BT.slice(0, first);
    own.actions_BTA = clip.actions_BTA.slice(0, first);
    const auto guess_BT = one_step(network, own, 0, {}).clamp(-clip.bound, clip.bound);
    const auto is_own_BT = draw_uniform(draw, DrawStream::own_past, clip.sample_ids_B, {frames})
                               .slice(0, first)
                               .lt(0.5);
    const auto shown_BT =
        at::where(per_frame(is_own_BT.slice(1, 1), own.x_BT), guess_BT, own.x_BT.slice(1, 1));
    return at::cat({clip.x_BT.slice(0, 0, first), at::cat({own.x_BT.slice(1, 0, 1), shown_BT}, 1)},
                   0);
  }

  Config config_;
};

NF_REGISTER_OBJECTIVE("regress", Regress, "least squares on the next frame's difference")

}  // namespace nextframe
