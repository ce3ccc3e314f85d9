// AdamW (kernels/adamw.h). Tensors of one dimension do not decay.

#include "kernels/adamw.h"
#include "trainer/optimizer/update_rule.h"

namespace nextframe {
namespace {

class AdamWRule final : public UpdateRule {
 public:
  explicit AdamWRule(const OptimizerConfig& config)
      : constants_{config.beta1, config.beta2, config.epsilon, config.weight_decay} {}

  at::Tensor numbers(const UpdateStep& s) const override {
    return adamw_numbers(constants_, {s.lr, s.gradient_scale, s.ema_decay, s.step});
  }

  void update(const TensorPart& part, const at::Tensor& numbers) const override {
    auto constants = constants_;
    if (part.tensor.sizes.size() < 2) constants.weight_decay = 0;
    adamw(part.values, part.gradient, part.moment1, part.moment2, part.average, constants, numbers);
  }

 private:
  AdamWConstants constants_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_adamw_rule(const OptimizerConfig& config) {
  return std::make_unique<AdamWRule>(config);
}

}  // namespace nextframe
