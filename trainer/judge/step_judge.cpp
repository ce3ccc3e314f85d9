#include "trainer/judge/step_judge.h"

#include <algorithm>
#include <cmath>

namespace nextframe {
namespace {

void remember(std::vector<double>& values, double value) {
  if (values.size() == kJudgedSteps) values.erase(values.begin());
  values.push_back(value);
}

}  // namespace

/// Bad numbers are not remembered: they would make the next ones look usual.
JudgedStep StepJudge::judge(StepHistory& history, int64_t step, double loss,
                            double grad_norm) const {
  JudgedStep result{Verdict::apply, loss, grad_norm, robust_z_score(history.losses, loss),
                    robust_z_score(history.grad_norms, grad_norm)};
  const bool is_finite = std::isfinite(loss) && std::isfinite(grad_norm);
  const double z = std::max(result.loss_z, result.grad_norm_z);
  const bool skips_spikes = limits_.skip_spikes_above_z > 0;
  result.is_spike =
      is_finite && z > (skips_spikes ? limits_.skip_spikes_above_z : kTellSpikeAboveZ);
  if (!is_finite || (result.is_spike && skips_spikes)) {
    result.verdict = after_bad_step(history);
    return result;
  }
  remember(history.losses, loss);
  remember(history.grad_norms, grad_norm);
  history.bad_in_row = 0;
  history.suspects.clear();
  if (step > history.bad_until) history.rollbacks = 0;
  return result;
}

Verdict StepJudge::after_bad_step(StepHistory& history) const {
  history.skipped_steps += 1;
  history.bad_in_row += 1;
  if (history.bad_in_row < limits_.max_bad_steps) return Verdict::skip;
  return history.rollbacks < limits_.max_rollbacks ? Verdict::roll_back : Verdict::give_up;
}

namespace {

constexpr double kSmallestSpread =
    1e-3;  // of the median: equal values would make all else infinite

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

double robust_z_score(const std::vector<double>& before, double value) {
  if (!std::isfinite(value)) return kHighestZ;
  if (before.size() < kFewestForZ) return 0;
  const double center = median(before);
  auto distances = before;
  for (auto& distance : distances) distance = std::abs(distance - center);
  const double spread =
      std::max(1.4826 * median(std::move(distances)), kSmallestSpread * std::abs(center));
  if (value == center) return 0;
  const double z = (value - center) / spread;  // infinite when all before were 0
  return std::clamp(z, -kHighestZ, kHighestZ);
}

}  // namespace nextframe
