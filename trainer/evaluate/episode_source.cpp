#include "trainer/evaluate/episode_source.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

namespace nextframe {
namespace {

/// Only the dataset knows its stride: a read that holds too few frames is made longer.
Episode read_start(const Dataset& dataset, int64_t episode, int64_t max_frames) {
  const int64_t all = dataset.episode_frames(episode);
  for (int64_t stored = std::min(max_frames, all);; stored = std::min(2 * stored, all)) {
    const auto read = dataset.read_episode(episode, 0, stored);
    const int64_t frames = std::min(max_frames, read.frames_THWC.size(0));
    if (frames < max_frames && stored < all) continue;
    return {read.frames_THWC.narrow(0, 0, frames), read.actions_TA.narrow(0, 0, frames)};
  }
}

}  // namespace

EpisodeSource first_episodes(const Dataset& dataset, int64_t limit) {
  return {dataset.shape(), std::min(limit, dataset.num_episodes()),
          [&dataset](int64_t episode, int64_t max_frames) {
            return read_start(dataset, episode, max_frames);
          },
          dataset.fingerprint()};
}

std::vector<int64_t> all_episodes(const EpisodeSource& source) {
  std::vector<int64_t> episodes(static_cast<size_t>(source.num_episodes));
  std::iota(episodes.begin(), episodes.end(), int64_t{0});
  return episodes;
}

}  // namespace nextframe
