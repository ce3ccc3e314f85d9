// Stragglers: which rank is slower than the others, and when to report it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/parallel/grain_owners.h"

namespace nextframe {

/// The ranks' own work, in seconds a step. Wall times would be the same for all: everybody
/// waits for the slowest.
struct BusyTimes {
  double min_s = 0, median_s = 0, max_s = 0;
  int64_t slowest_rank = 0;
};

/// Times are seconds of any monotonic clock.
class Stragglers {
 public:
  /// `hosts` by rank. Times are compared per grain, since ranks may have different numbers of
  /// grains.
  Stragglers(std::vector<std::string> hosts, const GrainOwners& grains);

  /// Takes each rank's own work in a step. Returns a line to print, or "": about a rank that
  /// is repeatedly slow (once an hour, and when it is another rank), or one that stood still
  /// for a while.
  std::string add(const std::vector<double>& busy_s, int64_t step, double now_s);

  /// Means over the steps since the last call.
  BusyTimes take();

 private:
  std::string notice_standstill(const std::vector<double>& busy_s, double median_s, int64_t step,
                                double now_s);
  std::string notice_slowness(const std::vector<double>& grain_s, double now_s);
  std::string name(int64_t rank) const;

  const std::vector<std::string> hosts_;
  std::vector<double> grains_;  // of each rank
  std::vector<double> sums_s_;  // since the last take()
  int64_t num_sums_ = 0;
  std::vector<double> slowness_;               // relative to the median; a moving mean
  std::vector<double> reported_standstill_s_;  // when a standstill of the rank was last reported
  int64_t num_steps_ = 0;
  int64_t reported_slow_rank_ = -1;  // the rank that was last reported as slow
  double reported_slow_s_ = 0;
};

}  // namespace nextframe
