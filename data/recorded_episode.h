// One episode, or a part of a long one, on its way into a shard, as simulated worlds and importers
// produce it.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
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
  at::Tensor frames_THWC;  // uint8
  at::Tensor actions;  // int64 [T] discrete, float32 [T, A] continuous, uint8 [T, A] buttons, or
                       // undefined for none
  std::vector<Column> columns;  // for example the true state
  bool is_last_part = true;     // false: the episode goes on in what is handed over next
};

/// Frames that a source of long episodes hands over at once: about 16 MiB, one or more.
inline int64_t frames_of_a_part(int64_t frame_bytes) {
  return std::max<int64_t>((int64_t{1} << 24) / std::max<int64_t>(frame_bytes, 1), 1);
}

/// Takes episodes one by one, so that a source never has to fit into memory.
using EpisodeSink = std::function<void(const RecordedEpisode&)>;

}  // namespace nextframe
