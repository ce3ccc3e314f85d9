#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nextframe {

void ScheduleConfig::fields(FieldVisitor& field) {
  field("kind", kind, "shape of the learning rate after its warm-up; wsd is constant, then linear",
        {"constant", "cosine", "wsd"});
  field("warmup_steps", warmup_steps, "first steps, linear from 0 to the peak", Range{0, 1e9});
  field("decay_steps", decay_steps, "of wsd: last steps, linear down to final_fraction",
        Range{0, 1e9});
  field("final_fraction", final_fraction, "of the peak, at the last step; of cosine and wsd",
        Range{0, 1});
}

void ScheduleConfig::check(const Report& report) const {
  if (kind != "wsd" && decay_steps > 0) {
    report("decay_steps", "is read only by schedule.kind = wsd, not by " + kind);
  }
}

double learning_rate_factor(const ScheduleConfig& schedule, int64_t step, int64_t steps) {
  // Step 0 already moves the weights: the warm-up's first factor is 1 / warmup_steps, not 0.
  if (step < schedule.warmup_steps) {
    return static_cast<double>(step + 1) / static_cast<double>(schedule.warmup_steps);
  }
  const int64_t last_step = steps - 1;
  const int64_t first_decay_step = schedule.kind == "cosine" ? schedule.warmup_steps
                                   : schedule.kind == "wsd"  ? steps - schedule.decay_steps
                                                             : steps;
  if (step < first_decay_step || first_decay_step >= steps) return 1.0;
  // The progress reaches 1 at the last step; cosine starts at the peak, wsd one step below it.
  const int64_t first_peak_step = schedule.kind == "wsd" ? first_decay_step - 1 : first_decay_step;
  const double progress = last_step == first_peak_step
                              ? 1.0
                              : std::min(1.0, static_cast<double>(step - first_peak_step) /
                                                  static_cast<double>(last_step - first_peak_step));
  const double remaining =
      schedule.kind == "wsd" ? 1.0 - progress : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return schedule.final_fraction + (1.0 - schedule.final_fraction) * remaining;
}

}  // namespace nextframe
