// regress: the network predicts how the next frame differs from the present one, by least squares.
#include <ATen/ATen.h>

#include "model/objective/masked_error.h"
#include "model/objective/objective.h"

namespace nextframe {

class Regress final : public Objective {
 public:
  struct Config {
    double residual_scale = 0.25;

    void fields(FieldVisitor& field) {
      field("residual_scale", residual_scale,
            "change of a pixel, of its range of 2, that an output of 1 stands for",
            Range::above(0, 1e6));
    }
    void check(const Report&) const {}
  };

  explicit Regress(const Config& config) : residual_scale_(config.residual_scale) {}

  Traits asks() const override { return {}; }

  LossTerms loss(CausalNetwork& network, const Clip& clip,
                 const at::Tensor& /*draw*/) const override {
    const auto next_BT = clip.x_BT.slice(1, 1), now_BT = clip.x_BT.slice(1, 0, -1);
    const auto change_BT = next_BT - now_BT;
    const auto guess_BT = network.peek(input(now_BT, clip.actions_BTA.slice(1, 0, -1))).x_BT;
    const auto valid_BT = valid_pairs(clip.mask_BT);
    LossTerms terms;
    terms.sum = weighted_squared_error(guess_BT * residual_scale_, change_BT, valid_BT);
    terms.weight = total_weight(valid_BT, clip.x_BT);
    terms.sums["squared_error"] = terms.sum.detach();
    terms.sums["copy_squared_error"] = weighted_squared_error(next_BT, now_BT, valid_BT);
    return terms;
  }

  at::Tensor next(CausalNetwork& network, const Clip& known,
                  const RolloutOptions& /*options*/) const override {
    const auto guess_BT = network.append(input(known.x_BT, known.actions_BTA)).x_BT;
    return known.x_BT.slice(1, -1) + guess_BT.slice(1, -1) * residual_scale_;
  }

  /// All frames at once.
  at::Tensor one_step(CausalNetwork& network, const Clip& clip, int64_t skip,
                      const RolloutOptions& /*options*/) const override {
    const auto now_BT = clip.x_BT.slice(1, 0, -1);
    const auto guess_BT = network.peek(input(now_BT, clip.actions_BTA.slice(1, 0, -1))).x_BT;
    return (now_BT + guess_BT * residual_scale_).slice(1, skip);
  }

 private:
  static NetworkInput input(const at::Tensor& x_BT, const at::Tensor& actions_BTA) {
    return {.x_BT = x_BT, .actions_BTA = actions_BTA, .level_BT = {}, .num_steps_BT = {}};
  }

  double residual_scale_;
};

NF_REGISTER_OBJECTIVE("regress", Regress, "least squares on the next frame's difference")

}  // namespace nextframe
