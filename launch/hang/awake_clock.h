// This file is a clock that stands still while this process does: a stopped job that is continued
// has not been hanging.
#pragma once

#include <algorithm>

namespace nextframe {

/// Times are seconds. Somebody calls tick() several times a second; where it is not called for
/// longer than kMaxTick_s, only that much counts, and the rest was a standstill.
class AwakeClock {
 public:
  explicit AwakeClock(double wall_s) : last_wall_s_(wall_s) {}

  void tick(double wall_s) {
    const double counted = since_tick(wall_s);
    standstill_s_ += wall_s - last_wall_s_ - counted;
    awake_s_ += counted;
    last_wall_s_ = wall_s;
  }

  /// Time awake since the start.
  double now(double wall_s) const { return awake_s_ + since_tick(wall_s); }

  /// How long the process stood still since the last call.
  double take_suspended() {
    const double taken = standstill_s_;
    standstill_s_ = 0;
    return taken;
  }

 private:
  static constexpr double kMaxTick_s = 0.5;
  double since_tick(double wall_s) const {
    return std::clamp(wall_s - last_wall_s_, 0.0, kMaxTick_s);
  }

  double last_wall_s_;
  double awake_s_ = 0, standstill_s_ = 0;
};

}  // namespace nextframe
