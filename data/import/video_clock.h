// Which frame of a video is on the screen at a given time, and which action is in force.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace nextframe {

/// Containers round times to a millisecond.
inline constexpr double kClockSlack_s = 0.002;

/// The number of the frame that is shown at `time_s`; the first one before it starts. `times_s`:
/// when each begins, ascending.
int64_t frame_at(const std::vector<double>& times_s, double time_s);

/// The frames shown at 0, 1/fps, 2/fps ... until `duration_s`; every frame once with fps 0.
std::vector<int64_t> frames_shown(const std::vector<double>& times_s, double duration_s,
                                  double fps);

/// At each of `moments_s` the newest of the rows that begin at `times_s`; zeros before the first.
at::Tensor rows_in_force(const at::Tensor& rows, const std::vector<double>& times_s,
                         const std::vector<double>& moments_s);

}  // namespace nextframe
