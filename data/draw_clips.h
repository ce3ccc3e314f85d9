// Random clips of a dataset, for a person to look at.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "data/action_space.h"
#include "data/read_as.h"

namespace nextframe {

struct ShownClip {
  std::string shard;
  int64_t episode = 0, first_frame = 0;  // in the shard; in the episode
  at::Tensor frames_THWC;                // uint8
  at::Tensor actions;                    // int64 [T], float32 [T, A], or undefined
  ActionSpace space;                     // of the shard
};

/// `count` clips of up to `frames` frames, drawn by `seed` from all windows of all shards that
/// match `glob`. DataError as when opening them for training.
std::vector<ShownClip> draw_clips(const std::string& glob, int64_t count, int64_t frames,
                                  int64_t seed, const ReadAs& read_as = {});

}  // namespace nextframe
