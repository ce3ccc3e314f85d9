// This file is how long a rank may take for what it does before it counts as hung.
#pragma once

#include <algorithm>
#include <cstdint>

namespace nextframe {

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

}  // namespace nextframe
