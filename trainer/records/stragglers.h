// Stragglers: which rank is slower than the others, and when to report it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/parallel/grain_owners.h"

namespace nextframe {

/// Own work of the ranks, in seconds a step. The wall time of a step says nothing: everybody waits
/// for the slowest.
struct BusyTimes {
  double min_s = 0, median_s = 0, max_s = 0;
  int64_t slowest_rank = 0;
};

/// Times are seconds of any clock that does not go back.
class Stragglers {
 public:
  /// `hosts` by rank. A rank with more grains than another is not slow for that.
  Stragglers(std::vector<std::string> hosts, const GrainOwners& grains);

  /// After a step: what each rank worked by itself. Returns a line to say, or "": of a rank that is
  /// slow again and again (once an hour, and when it is another one), or of one that stood still
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
  std::vector<double> slowness_;               // of the median's own work; a moving mean
  std::vector<double> reported_standstill_s_;  // when a rank was last said to have stood still
  int64_t num_steps_ = 0;
  int64_t reported_slow_rank_ = -1;  // the rank that was last said to be slow
  double reported_slow_s_ = 0;
};

}  // namespace nextframe
