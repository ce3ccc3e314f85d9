// Elapsed seconds, by the clock that never jumps.
#pragma once

#include <chrono>

namespace nextframe {

class Stopwatch {
 public:
  /// Seconds since it was made.
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Seconds since an arbitrary moment that is the same for the whole process.
inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace nextframe
