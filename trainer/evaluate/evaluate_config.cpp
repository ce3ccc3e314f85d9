#include "trainer/evaluate/evaluate_config.h"

namespace nextframe {

void EvaluateConfig::fields(FieldVisitor& field) {
  field.free("every_steps", every_steps,
             "steps from one evaluation to the next; 0 evaluates only when asked");
  field.free("episodes", episodes, "held-out episodes, the first ones by index");
  field.free("context_frames", context_frames, "true frames before a rollout");
  field.free("horizon_frames", horizon_frames, "rolled-out frames");
  field.free("denoise_steps", denoise_steps, "network calls a frame of a sampling objective");
}

void EvaluateConfig::check(const Report& report) const {
  if (every_steps < 0) report("every_steps", "must be 0 or more");
  if (episodes < 1) report("episodes", "must be 1 or more");
  if (context_frames < 1) report("context_frames", "must be 1 or more");
  if (horizon_frames < 1) report("horizon_frames", "must be 1 or more");
  if (denoise_steps < 1) report("denoise_steps", "must be 1 or more");
}

}  // namespace nextframe
