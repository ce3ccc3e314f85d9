// This file is the held-out episodes as evaluation sees them: numbered, read one at a time.
#pragma once

#include <functional>
#include <string>

#include "data/dataset.h"

namespace nextframe {

struct EpisodeSource {
  ClipShape shape;
  int64_t num_episodes = 0;
  std::function<Episode(int64_t episode)> read;  // whole, every stride-th frame
  std::string fingerprint;                       // of the data behind it
};

/// The first `limit` episodes of a dataset by index, or all. The dataset must outlive the source.
EpisodeSource first_episodes(const Dataset& dataset, int64_t limit);

}  // namespace nextframe
