// The monotonic clock, in seconds.
#pragma once

#include <chrono>

namespace nextframe {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Seconds since an arbitrary moment that is the same for the whole process.
inline double steady_seconds() { return seconds_since({}); }

/// Measures the time since it was made.
class Stopwatch {
 public:
  double seconds() const { return seconds_since(start_); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace nextframe
