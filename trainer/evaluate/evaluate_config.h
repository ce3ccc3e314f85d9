// This file is the `evaluate` section of a config.
#pragma once

#include <cstdint>

#include "kernels/base/fields.h"

namespace nextframe {

struct EvaluateConfig {
  int64_t every_steps = 0;     // evaluation and samples while training; 0 only when asked by `eval`
  int64_t episodes = 64;       // held-out episodes, the first ones by index
  int64_t context_frames = 8;  // true frames before a rollout
  int64_t horizon_frames = 32;  // rolled-out frames
  int64_t denoise_steps = 4;    // of a sampling objective

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

}  // namespace nextframe
