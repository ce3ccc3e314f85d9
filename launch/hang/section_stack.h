// Tracks which section of the program a rank is in, and whether it has been there for too long.
// Owns no clock and no thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nextframe {

struct SectionTimeout {
  std::string section;  // innermost
  int64_t step = 0;
  double took_s = 0;  // in the section whose limit it is
  double limit_s = 0;
};

/// Sections lie within each other. A step and a pause have limits of their own; a part of them only
/// says where a rank is. While a pause lasts the clock of the step around it stands still. The
/// others may wait for what one rank does in a pause until all meet in the step after it: until
/// then the pause's limit is added to the step's. Between sections the limit of a pause holds.
/// Times are seconds of one clock.
class SectionStack {
 public:
  SectionStack(HangLimits limits, double now_s);

  void enter_step(int64_t number, double now_s);
  void enter_pause(const std::string& name, double now_s);
  void enter_part(const std::string& name, double now_s);
  /// A part in which this rank waits for all others, once a step.
  void enter_sync_point(double now_s);
  /// The innermost one.
  void leave(double now_s);

  /// Set when the rank has been too long where it is.
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
    bool has_grace = false;  // a step that others may enter later, by a pause
    double paused_s = 0;     // of the time since then
  };
  HangLimits limits_;
  std::vector<Open> open_;  // the first is what lies between all others
  int64_t step_ = 0;
  bool others_may_pause_ = false;  // there was a pause since the last sync point
};

class HangLimits {
 public:
  /// `step_s`: of a step; 0 is automatic: five times the longest seen, at least 10 s. `pause_s`: of
  /// what happens beside steps (setup, saving, evaluating), and of the first five steps.
  HangLimits(double step_s, double pause_s) : step_s_(step_s), pause_s_(pause_s) {}

  void note_step(double took_s) {
    // The first ones make connections and take memory: no measure of the others.
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
