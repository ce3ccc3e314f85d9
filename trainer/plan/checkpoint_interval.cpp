#include "trainer/plan/checkpoint_interval.h"

#include <cmath>

namespace nextframe {

double best_interval_s(const Failures& failures) {
  const double mtbf_s = failures.mtbf_s, save_s = failures.save_s;
  if (mtbf_s <= 0) return 0;
  if (save_s >= 2 * mtbf_s) return mtbf_s;
  const double ratio = save_s / (2 * mtbf_s);
  return std::sqrt(2 * save_s * mtbf_s) * (1 + std::sqrt(ratio) / 3 + ratio / 9) - save_s;
}

double goodput(const Failures& failures, double interval_s) {
  const double mtbf_s = failures.mtbf_s;
  if (mtbf_s <= 0) return interval_s / (interval_s + failures.save_s);
  return interval_s / (mtbf_s * std::exp(failures.restart_s / mtbf_s) *
                       std::expm1((interval_s + failures.save_s) / mtbf_s));
}

}  // namespace nextframe
