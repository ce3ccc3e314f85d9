#include "data/import/video_clock.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace nextframe {
namespace {

/// The last element that has begun, -1 before the first.
int64_t newest_at(const std::vector<double>& times_s, double time_s) {
  return std::upper_bound(times_s.begin(), times_s.end(), time_s + kClockSlack_s) -
         times_s.begin() - 1;
}

}  // namespace

int64_t frame_at(const std::vector<double>& times_s, double time_s) {
  return std::max<int64_t>(newest_at(times_s, time_s), 0);
}

std::vector<int64_t> frames_shown(const std::vector<double>& times_s, double duration_s,
                                  double fps) {
  if (fps <= 0) {
    std::vector<int64_t> all(times_s.size());
    std::iota(all.begin(), all.end(), int64_t{0});
    return all;
  }
  const auto count =
      std::max<int64_t>(std::llround(std::ceil((duration_s - kClockSlack_s) * fps)), 1);
  std::vector<int64_t> shown;
  for (int64_t k = 0; k < count; ++k) {
    shown.push_back(frame_at(times_s, static_cast<double>(k) / fps));
  }
  return shown;
}

at::Tensor rows_in_force(const at::Tensor& rows, const std::vector<double>& times_s,
                         const std::vector<double>& moments_s) {
  std::vector<int64_t> newest;
  for (const double moment_s : moments_s) newest.push_back(newest_at(times_s, moment_s));
  const at::Tensor numbers = at::tensor(newest, at::kLong);
  const at::Tensor held = rows.index_select(0, numbers.clamp_min(0));
  held.masked_fill_(rows.dim() == 2 ? numbers.lt(0).unsqueeze(1) : numbers.lt(0), 0);
  return held;
}

}  // namespace nextframe
