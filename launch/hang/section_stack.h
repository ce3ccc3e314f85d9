// Tracks which section of the program a rank is in, and whether it has been there for too long.
// Owns no clock and no thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nextframe {

class HangLimits {
 public:
  /// `step_s`: limit of a step; 0 is automatic: five times the longest so far, at least 10 s.
  /// `pause_s`: limit of everything besides steps (setup, saving, evaluating), and of the
  /// first five steps.
  HangLimits(double step_s, double pause_s) : step_s_(step_s), pause_s_(pause_s) {}

  void note_step(double took_s) {
    // The first steps connect and allocate memory, so they are no measure of the others.
    if (++num_steps_ > kWarmUpSteps) longest_s_ = std::max(longest_s_, took_s);
  }

  double step_s() const {
    constexpr double kFactor = 5, kLeast_s = 10;
    if (num_steps_ < kWarmUpSteps || (step_s_ == 0 && num_steps_ == kWarmUpSteps)) return pause_s_;
    return step_s_ > 0 ? step_s_ : std::max(kLeast_s, kFactor * longest_s_);
  }
  double pause_s() const { return pause_s_; }

 private:
  static constexpr int64_t kWarmUpSteps = 5;
  double step_s_, pause_s_;
  double longest_s_ = 0;
  int64_t num_steps_ = 0;
};

struct SectionTimeout {
  std::string section;  // innermost
  int64_t step = 0;
  double took_s = 0;  // time in the step or pause that is over its limit
  double limit_s = 0;
};

/// Sections are nested. Steps and pauses (such as saving) have limits; parts have none, they only
/// say where a rank is. While a pause lasts, the clock of the step around it stops. One rank's
/// pause may keep the others waiting until the next sync point, so until then the pause's limit is
/// added to the step's. Between sections the limit of a pause applies. All times are seconds of the
/// same clock.
class SectionStack {
 public:
  SectionStack(HangLimits limits, double now_s);

  void enter_step(int64_t number, double now_s);
  void enter_pause(const std::string& name, double now_s);
  void enter_part(const std::string& name, double now_s);
  /// A part in which this rank waits for all others; once a step.
  void enter_sync_point(double now_s);
  /// Leaves the innermost section.
  void leave(double now_s);

  /// Restarts the clock of the present pause, which is making progress.
  void show_life(double now_s);

  /// Set if the rank has been in its section for too long.
  std::optional<SectionTimeout> expired(double now_s) const;

  int64_t step() const { return step_; }
  const std::string& section() const { return open_.back().name; }
  double section_s(double now_s) const { return now_s - open_.back().entered_s; }

 private:
  enum class Kind { step, pause, part, sync_point };
  struct Open {
    Kind kind;
    std::string name;
    double entered_s;
    bool has_grace = false;  // other ranks may enter this step later, by a pause
    double paused_s = 0;     // seconds spent in pauses since then
    double alive_s = 0;      // of a pause: the last sign of life, or 0
  };
  HangLimits limits_;
  std::vector<Open> open_;  // the first one stands for the time between sections
  int64_t step_ = 0;
  bool others_may_pause_ = false;  // there was a pause since the last sync point
};

/// A clock that stops while this process is suspended, so that a stopped and continued job
/// does not count as hanging. tick() is called several times a second; if it was not called
/// for longer than kMaxTick_s, only that much counts.
class AwakeClock {
 public:
  explicit AwakeClock(double wall_s) : last_wall_s_(wall_s) {}

  void tick(double wall_s) {
    const double counted = since_tick(wall_s);
    standstill_s_ += wall_s - last_wall_s_ - counted;
    awake_s_ += counted;
    last_wall_s_ = wall_s;
  }

  /// Seconds awake since the start.
  double now(double wall_s) const { return awake_s_ + since_tick(wall_s); }

  /// Seconds that the process was suspended since the last call.
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
