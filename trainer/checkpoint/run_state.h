// The state of a run between two steps: everything that a checkpoint holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/sampler.h"
#include "data/set_aside.h"
#include "trainer/judge/step_judge.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/parallel/flat_parameters.h"

namespace nextframe {

/// How far a run has come. The position in the stream of samples is one counter, so a run can
/// continue on any number of ranks.
struct Position {
  int64_t step = 0;     // steps done
  int64_t samples = 0;  // clips consumed, over all ranks
  int64_t seed = 0;
  std::vector<SetAsideClip> set_aside;  // left out after bad steps, in the order of setting aside
  StepHistory history;
  std::vector<DataSegment> segments{};  // empty: one, of all clips since the first step

  bool operator==(const Position&) const = default;
};

/// The tensors and the position. The tensors are views: nothing is copied.
struct RunState {
  const FlatParameters& layout;
  std::vector<StateBuffer> buffers;  // sorted by name
  Position position;
};

}  // namespace nextframe
