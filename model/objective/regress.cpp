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

  bool has_noise_levels() const override { return false; }

  LossTerms loss(const Network& network, const at::Tensor& x_BT, const at::Tensor& actions_BTA,
                 const at::Tensor& mask_BT, const at::Tensor& /*sample_ids_B*/,
                 const at::Tensor& /*draw*/) const override {
    const auto next_BT = x_BT.slice(1, 1), now_BT = x_BT.slice(1, 0, -1);
    const auto change_BT = next_BT - now_BT;
    const auto guess_BT = residual(network, now_BT, actions_BTA.slice(1, 0, -1));
    const auto valid_BT = valid_pairs(mask_BT);
    LossTerms terms;
    terms.sum = weighted_squared_error(guess_BT, change_BT, valid_BT);
    terms.weight = total_weight(valid_BT, x_BT);
    terms.sums["squared_error"] = terms.sum.detach();
    terms.sums["copy_squared_error"] = weighted_squared_error(next_BT, now_BT, valid_BT);
    return terms;
  }

  at::Tensor one_step(const Network& network, const at::Tensor& x_BT, const at::Tensor& actions_BTA,
                      int64_t skip, const RolloutOptions& /*options*/) const override {
    const auto now_BT = x_BT.slice(1, 0, -1);
    return (now_BT + residual(network, now_BT, actions_BTA.slice(1, 0, -1))).slice(1, skip);
  }

  at::Tensor next(const Network& network, const at::Tensor& x_BT, const at::Tensor& actions_BTA,
                  int64_t /*frame_number*/, const RolloutOptions& /*options*/) const override {
    return (x_BT + residual(network, x_BT, actions_BTA)).slice(1, -1);
  }

 private:
  at::Tensor residual(const Network& network, const at::Tensor& x_BT,
                      const at::Tensor& actions_BTA) const {
    const auto clean_BT = at::ones({x_BT.size(0), x_BT.size(1)}, x_BT.options());
    return network(x_BT, actions_BTA, clean_BT) * residual_scale_;
  }

  double residual_scale_;
};

NF_REGISTER_OBJECTIVE("regress", Regress, "least squares on the next frame's difference")

}  // namespace nextframe
