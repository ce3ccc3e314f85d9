// The held-out episodes for evaluation: numbered, and read one at a time.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace nextframe {

constexpr int64_t kAllFrames = std::numeric_limits<int64_t>::max();

struct EpisodeSource {
  ClipShape shape;
  int64_t num_episodes = 0;
  /// Reads every stride-th frame from the episode's start: `max_frames` of them, or as many as it
  /// has.
  std::function<Episode(int64_t episode, int64_t max_frames)> read;
  std::string fingerprint;  // of the data behind it
};

/// The first `limit` episodes of a dataset, or all. The dataset must outlive the source.
EpisodeSource first_episodes(const Dataset& dataset, int64_t limit);

/// 0 .. num_episodes - 1.
std::vector<int64_t> all_episodes(const EpisodeSource& source);

}  // namespace nextframe
