#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nextframe {

void ScheduleConfig::fields(FieldVisitor& field) {
  field("kind", kind,
        "learning rate after the warm-up: constant, cosine decay, or wsd "
        "(warmup-stable-decay: constant, then linear decay)",
        {"constant", "cosine", "wsd"});
  field("warmup_steps", warmup_steps,
        "warm-up: number of first steps in which the learning rate rises linearly from 0 to "
        "optimizer.lr",
        Range{0, 1e9});
  field("decay_steps", decay_steps,
        "with wsd: number of last steps, in which the learning rate falls linearly", Range{0, 1e9});
  field("final_fraction", final_fraction,
        "with cosine and wsd: learning rate of the last step as a fraction of optimizer.lr",
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
