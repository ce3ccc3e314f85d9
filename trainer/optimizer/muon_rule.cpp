// Muon: momentum whose matrices are orthogonalised.
//
//   m <- 0.95 m + 0.05 g    u = 0.05 g + 0.95 m    w <- w (1 - lr decay) - lr 0.2 sqrt(max(rows,
//   columns)) O(u)
//
// Momentum, Nesterov's look ahead and O are those of Jordan et al. 2024 ("Muon: An optimizer for
// hidden layers in neural networks"). Decay and scale are those of Liu et al. 2025 ("Muon is
// scalable for LLM training", section 2.2): an update has the root mean square of a usual AdamW
// update, 0.2, so AdamW's learning rate serves both.

#include <ATen/ATen.h>

#include <cmath>

#include "kernels/orthogonalise.h"
#include "trainer/optimizer/update_rule.h"

namespace nextframe {
namespace {

constexpr double kMomentum = 0.95;
constexpr double kUpdateRms = 0.2;

/// Places in numbers().
enum MuonNumber : int64_t { kGradientScale, kShrink, kRate, kEmaDecay, kOneMinusEma, kIsBad };

class MuonRule final : public UpdateRule {
 public:
  explicit MuonRule(const OptimizerConfig& config) : weight_decay_(config.weight_decay) {}

  bool needs_whole() const override { return true; }
  bool has_moment2() const override { return false; }

  at::Tensor numbers(const UpdateStep& s) const override {
    return at::tensor({s.gradient_scale, 1 - s.lr * weight_decay_, s.lr, s.ema_decay,
                       1 - s.ema_decay, /*is_bad=*/0.0},
                      at::kFloat);
  }

  /// In operations of LibTorch: beside the products the rest takes little time.
  void update(const TensorPart& part, const at::Tensor& numbers) const override {
    const auto is_bad = numbers.select(0, kIsBad).ne(0);
    const auto number = [&](MuonNumber which) { return numbers.select(0, which); };
    const auto replace = [&](const at::Tensor& old, const at::Tensor& fresh) {
      old.copy_(at::where(is_bad, old, fresh));
    };
    const auto gradient =
        part.gradient.mul(number(kGradientScale)).mul_(1 - kMomentum);  // its share of the momentum
    const auto momentum = part.moment1.mul(kMomentum).add_(gradient);
    const auto ahead = momentum.mul(kMomentum).add_(gradient);
    const auto direction = orthogonalise(ahead.view(part.tensor.sizes), part.num_matrices);
    const auto step = direction.view({-1}).mul_(number(kRate)).mul_(scale_of(part));
    const auto values = part.values.mul(number(kShrink)).sub_(step);
    replace(part.moment1, momentum);
    replace(part.values, values);
    if (!part.average.defined()) return;
    const auto share = values.mul(number(kOneMinusEma));
    replace(part.average, part.average.mul(number(kEmaDecay)).add_(share));
  }

 private:
  /// An orthogonal matrix has the root mean square 1 / sqrt(max(rows, columns)).
  static double scale_of(const TensorPart& part) {
    const int64_t rows = part.tensor.sizes[0] / part.num_matrices, columns = part.tensor.sizes[1];
    return kUpdateRms * std::sqrt(static_cast<double>(std::max(rows, columns)));
  }

  double weight_decay_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_muon_rule(const OptimizerConfig& config) {
  return std::make_unique<MuonRule>(config);
}

}  // namespace nextframe
