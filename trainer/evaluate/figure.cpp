#include "trainer/evaluate/figure.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/base/philox.h"

namespace nextframe {
namespace {

constexpr uint64_t kBootstrapKey = 0x626F6F7473747261;  // "bootstra": shares no bits with others

/// Linear between the two nearest of the sorted values; `fraction` in [0, 1].
double percentile(const std::vector<double>& sorted, double fraction) {
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const double left = sorted[static_cast<size_t>(std::floor(place))];
  const double right = sorted[static_cast<size_t>(std::ceil(place))];
  return left == right ? left : left + (right - left) * (place - std::floor(place));
}

void add(Sums& total, const Sums& episode) {
  for (size_t i = 0; i < total.size(); ++i) total[i] += episode[i];
}

}  // namespace

double ratio(double a, double b) {
  if (b != 0) return a / b;
  return a == 0 ? 1.0 : std::numeric_limits<double>::infinity();
}

void Bootstrap::draw(size_t num_episodes) {
  if (drawn_episodes_ == num_episodes) return;
  drawn_episodes_ = num_episodes;
  draws_.resize(static_cast<size_t>(kResamples) * num_episodes);
  const uint64_t key = mix_key(kBootstrapKey, seed_);
  for (size_t i = 0; i < draws_.size(); ++i) {
    const uint64_t bits = Philox(key, i % num_episodes, i / num_episodes).value[0];
    draws_[i] = static_cast<uint32_t>(bits * num_episodes >> 32);
  }
}

Figure Bootstrap::figure(const std::vector<Sums>& episodes, const Statistic& statistic) {
  if (episodes.empty()) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    return {none, none, none, 0};
  }
  draw(episodes.size());
  const Sums zero(episodes.front().size(), 0.0);
  Sums total = zero;
  for (const auto& episode : episodes) add(total, episode);

  std::vector<double> resampled(static_cast<size_t>(kResamples));
  const uint32_t* drawn = draws_.data();
  for (double& value : resampled) {
    Sums sums = zero;
    for (size_t i = 0; i < episodes.size(); ++i) add(sums, episodes[*drawn++]);
    value = statistic(sums);
  }
  std::sort(resampled.begin(), resampled.end());
  return {statistic(total), percentile(resampled, 0.025), percentile(resampled, 0.975),
          static_cast<int64_t>(episodes.size())};
}

Figure jackknife_figure(double value, const std::vector<double>& without, int64_t num_episodes) {
  constexpr double kZ = 1.959964;  // of 95 %
  const auto groups = static_cast<double>(without.size());
  const double mean = std::accumulate(without.begin(), without.end(), 0.0) / groups;
  double squares = 0;
  for (const double one : without) squares += (one - mean) * (one - mean);
  const double half = kZ * std::sqrt((groups - 1) / groups * squares);
  return {value, value - half, value + half, num_episodes};
}

}  // namespace nextframe
