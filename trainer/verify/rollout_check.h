// This file is whether a dream from memory is the dream without it.
#pragma once

#include "data/dataset.h"
#include "model/world_model.h"

namespace nextframe {

struct RolloutCheck {
  double difference = 0;  // largest of any value, in [0, 1]
  double movement = 0;    // how far the dream leaves its last true frame, at most
  int64_t frames = 0;     // dreamed
};

/// Gives every parameter a nudge as large as half a usual start value, so that a model whose head
/// starts at zero dreams something; then dreams on from half a clip to its end, both ways.
RolloutCheck check_rollout(WorldModel& model, const Dataset& data);

}  // namespace nextframe
