// One episode on its way into a shard, as simulated worlds and importers produce it.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace nextframe {

/// One more column of the shard, with a row a frame.
struct Column {
  std::string name;
  at::Tensor values;  // [T, ...] uint8, int32, int64, float32 or float64
};

struct RecordedEpisode {
  at::Tensor frames_THWC;       // uint8
  at::Tensor actions;           // int64 [T] discrete, float32 [T, A] continuous, undefined for none
  std::vector<Column> columns;  // for example the true state
};

/// Takes episodes one by one, so that a source never has to fit into memory.
using EpisodeSink = std::function<void(const RecordedEpisode&)>;

}  // namespace nextframe
