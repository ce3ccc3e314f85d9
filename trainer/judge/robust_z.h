// This file is how unusual a number is beside the ones before it.
#pragma once

#include <cstddef>
#include <vector>

namespace nextframe {

/// As far as a z-score goes, and what a number that is not finite has: no comparison misses it.
inline constexpr double kHighestZ = 1e6;

/// Fewer earlier values than this judge nothing: z is 0.
inline constexpr size_t kFewestForZ = 16;

/// How many robust standard deviations (1.4826 median absolute deviations, at least a thousandth of
/// the median) `value` lies above the median of the finite values `before` it. Never NaN.
double robust_z_score(const std::vector<double>& before, double value);

}  // namespace nextframe
