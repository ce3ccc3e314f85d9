// Times rollouts: with a KV cache, beside recomputing each frame from its window.
#pragma once

#include <vector>

#include "model/world_model.h"
#include "trainer/bench/step_bench.h"

namespace nextframe {

/// The inputs of the rollouts.
struct RolloutClips {
  at::Tensor context_BTHWC;  // uint8
  at::Tensor actions_BTA;    // float32, T = context frames + dreamed frames - 1
};

/// Medians over rounds.
struct RolloutTime {
  double rollout_s = 0;      // all frames of all clips, context included
  double first_frame_s = 0;  // a rollout of one frame: mostly the context
};

struct RolloutBench {
  int64_t clips = 0;
  int64_t frames = 0;  // dreamed, of each clip
  RolloutTime from_memory, recomputed;
  at::Tensor dreamed_BTHWC;  // from memory; float32 in [0, 1]
  // Of any value between the two, over the frames for which both look at the same frames.
  double largest_difference = 0;
  std::vector<OperationTime> operations;  // of a further frame of all clips from memory, as seen in
                                          // rounds of their own; slowest first

  double frames_per_s(const RolloutTime& time) const {
    return static_cast<double>(clips * frames) / time.rollout_s;
  }
  /// Time of each frame after the first, of all clips; 0 if there is none.
  double further_frame_s(const RolloutTime& time) const {
    return frames < 2 ? 0 : (time.rollout_s - time.first_frame_s) / static_cast<double>(frames - 1);
  }
  double ratio() const { return recomputed.rollout_s / from_memory.rollout_s; }
};

struct RolloutBenchOptions {
  int64_t rounds = 5;         // of both ways taking turns, after one to warm up
  bool only_memory = false;   // leave the other way out; what is said of it stays 0
  int64_t window_frames = 0;  // how many frames the model looks at
};

/// Puts the model into evaluation mode. `rollout.use_cache` is not looked at.
RolloutBench bench_rollout(WorldModel& model, const RolloutClips& clips, RolloutOptions rollout,
                           const RolloutBenchOptions& options);

}  // namespace nextframe
