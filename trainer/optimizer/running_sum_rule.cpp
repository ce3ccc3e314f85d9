// Running sums (model/running_sum.h), and codebooks, which are running sums that revive dead codes.
//
//   value <- decay value + (1 - decay) sum over all grains,   decay = min(0.99, step / (step + 10))

#include <ATen/ATen.h>

#include <algorithm>

#include "model/running_sum.h"
#include "trainer/optimizer/update_rule.h"

namespace nextframe {
namespace {

/// Places in numbers().
enum RunningNumber : int64_t { kSumDecay, kSumShare, kSumStep, kSumIsBad };

class RunningSumRule : public UpdateRule {
 public:
  bool has_moment2() const override { return false; }

  at::Tensor numbers(const UpdateStep& s) const override {
    const auto step = static_cast<double>(s.step);
    const double decay = std::min(kRunningDecay, step / (step + 10));
    return at::tensor({decay, 1 - decay, step, /*is_bad=*/0.0}, at::kFloat);
  }

  void update(const TensorPart& part, const at::Tensor& numbers) const override {
    const auto is_bad = numbers.select(0, kSumIsBad).ne(0);
    const auto share = part.gradient.mul(numbers.select(0, kSumShare));
    const auto fresh = part.values.mul(numbers.select(0, kSumDecay)).add_(share);
    part.values.copy_(at::where(is_bad, part.values, finished(part, fresh, numbers)));
    if (part.average.defined()) part.average.copy_(part.values);
  }

 protected:
  virtual at::Tensor finished(const TensorPart& /*part*/, const at::Tensor& fresh,
                              const at::Tensor& /*numbers*/) const {
    return fresh;
  }
};

/// Rows [V, E + 1] of a sum of vectors and their count. A code whose count is below 1 % of the mean
/// splits a full one, as Linde, Buzo and Gray (1980) do: it takes half of its row, moved by about
/// 1 %. That depends on the statistics alone, not on what a rank has seen.
class CodebookRule final : public RunningSumRule {
 public:
  bool needs_whole() const override { return true; }

 private:
  at::Tensor finished(const TensorPart& part, const at::Tensor& fresh,
                      const at::Tensor& numbers) const override {
    const auto rows = fresh.view(part.tensor.sizes);
    const int64_t num_codes = rows.size(0), width = rows.size(1) - 1;
    const auto counts = rows.select(1, width);
    const auto fullest = counts.argsort(/*stable=*/true, 0, /*descending=*/true);
    const auto is_dead = counts.lt(counts.mean() * 0.01);
    // The j-th dead code splits the j-th fullest; half of the codes at most in a step.
    const auto j = is_dead.cumsum(0) - 1;
    const auto splits = is_dead.logical_and(j.lt(num_codes / 2));
    const auto parent = fullest.index_select(0, j.clamp(0, num_codes - 1));
    const auto number_of_splits = splits.sum();
    const auto rank_of = fullest.argsort(/*stable=*/true, 0, false);
    const auto is_parent = rank_of.lt(number_of_splits);
    const auto phase = at::arange(num_codes * width, fresh.options()).view({num_codes, width});
    const auto moved = (phase * 12.9898 + numbers.select(0, kSumStep)).sin() * 0.01 + 1;
    const auto child = rows.index_select(0, parent) * 0.5;
    const auto moved_child = at::cat({child.slice(1, 0, width) * moved, child.slice(1, width)}, 1);
    const auto halved = at::where(is_parent.unsqueeze(1), rows * 0.5, rows);
    return at::where(splits.unsqueeze(1), moved_child, halved).view({-1});
  }
};

}  // namespace

std::unique_ptr<UpdateRule> make_running_sum_rule() { return std::make_unique<RunningSumRule>(); }
std::unique_ptr<UpdateRule> make_codebook_rule() { return std::make_unique<CodebookRule>(); }

}  // namespace nextframe
