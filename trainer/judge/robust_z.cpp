#include "trainer/judge/robust_z.h"

#include <algorithm>
#include <cmath>

namespace nextframe {
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
