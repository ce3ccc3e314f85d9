#include "trainer/records/stragglers.h"

#include <algorithm>
#include <utility>

#include "launch/text.h"

namespace nextframe {
namespace {

constexpr int64_t kWarmUpSteps = 5;
constexpr int64_t kSteps = 20;     // that slowness is a mean over
constexpr double kSlow = 1.3;      // times the median
constexpr double kFine = 1.15;     // no longer slow
constexpr double kMostAtOnce = 3;  // one bad step alone makes nobody slow
constexpr double kAgain_s = 3600;
constexpr double kStill = 10, kStill_s = 1, kStillAgain_s = 60;

/// Of two the smaller one: else nobody of two could be slow.
double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Stragglers::Stragglers(std::vector<std::string> hosts, const GrainOwners& grains)
    : hosts_(std::move(hosts)),
      sums_s_(hosts_.size(), 0),
      slowness_(hosts_.size(), 1),
      reported_standstill_s_(hosts_.size(), -kStillAgain_s) {
  const auto size = static_cast<int64_t>(hosts_.size());
  for (int64_t rank = 0; rank < size; ++rank) {
    grains_.push_back(static_cast<double>(std::max<int64_t>(1, grains.num_passes(rank))));
  }
}

std::string Stragglers::name(int64_t rank) const {
  return "rank " + std::to_string(rank) + " on " + hosts_[static_cast<size_t>(rank)];
}

std::string Stragglers::add(const std::vector<double>& busy_s, int64_t step, double now_s) {
  for (size_t rank = 0; rank < busy_s.size(); ++rank) sums_s_[rank] += busy_s[rank];
  ++num_sums_;
  if (busy_s.size() < 2 || ++num_steps_ <= kWarmUpSteps) return "";
  std::vector<double> grain_s;
  for (size_t rank = 0; rank < busy_s.size(); ++rank)
    grain_s.push_back(busy_s[rank] / grains_[rank]);
  auto line = notice_standstill(busy_s, median(busy_s), step, now_s);
  const auto slow = notice_slowness(grain_s, now_s);
  if (line.empty() || slow.empty()) return line + slow;
  return line + "\n" + slow;
}

std::string Stragglers::notice_standstill(const std::vector<double>& busy_s, double median_s,
                                          int64_t step, double now_s) {
  const auto slowest = std::max_element(busy_s.begin(), busy_s.end());
  const auto rank = static_cast<size_t>(slowest - busy_s.begin());
  if (*slowest < kStill * median_s || *slowest - median_s < kStill_s) return "";
  if (now_s - reported_standstill_s_[rank] < kStillAgain_s) return "";
  reported_standstill_s_[rank] = now_s;
  return format("%s stood still: in step %lld it took %.1f s of its own, the others %.2f s",
                name(static_cast<int64_t>(rank)).c_str(), static_cast<long long>(step), *slowest,
                median_s);
}

std::string Stragglers::notice_slowness(const std::vector<double>& grain_s, double now_s) {
  const double usual_s = median(grain_s);
  const int64_t num_seen = std::min(num_steps_ - kWarmUpSteps, kSteps);
  for (size_t rank = 0; rank < grain_s.size(); ++rank) {
    const double times = usual_s > 0 ? std::min(grain_s[rank] / usual_s, kMostAtOnce) : 1;
    slowness_[rank] += (times - slowness_[rank]) / static_cast<double>(num_seen);
  }
  if (num_seen < kSteps) return "";
  if (reported_slow_rank_ >= 0 && slowness_[static_cast<size_t>(reported_slow_rank_)] < kFine)
    return name(std::exchange(reported_slow_rank_, -1)) + " is no longer slower than the others";
  const auto slowest = std::max_element(slowness_.begin(), slowness_.end());
  const auto rank = static_cast<int64_t>(slowest - slowness_.begin());
  if (*slowest < kSlow || (rank == reported_slow_rank_ && now_s - reported_slow_s_ < kAgain_s))
    return "";
  reported_slow_rank_ = rank;
  reported_slow_s_ = now_s;
  return format("%s is slower than the others: a grain takes it %.1f times the median's own time",
                name(rank).c_str(), *slowest);
}

BusyTimes Stragglers::take() {
  BusyTimes times;
  const auto slowest = std::max_element(sums_s_.begin(), sums_s_.end());
  const double steps = static_cast<double>(std::max<int64_t>(1, num_sums_));
  times = {*std::min_element(sums_s_.begin(), sums_s_.end()) / steps, median(sums_s_) / steps,
           *slowest / steps, slowest - sums_s_.begin()};
  std::fill(sums_s_.begin(), sums_s_.end(), 0);
  num_sums_ = 0;
  return times;
}

}  // namespace nextframe
