// The learning-rate schedule, a pure function of the step.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/fields.h"

namespace nextframe {

/// The `schedule` section of a config.
struct ScheduleConfig {
  std::string kind = "cosine";  // constant | cosine | wsd
  int64_t warmup_steps = 100;   // linear from 0
  int64_t decay_steps = 0;      // of wsd: the last steps, linear down to `final_fraction`
  double final_fraction = 0.0;  // of the peak, at the last step

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

/// The factor in [0, 1] that scales the peak learning rate at step `step` (from 0) of `steps`.
double learning_rate_factor(const ScheduleConfig& schedule, int64_t step, int64_t steps);

}  // namespace nextframe
