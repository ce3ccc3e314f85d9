#include "trainer/evaluate/episode_source.h"

#include <algorithm>

namespace nextframe {

EpisodeSource first_episodes(const Dataset& dataset, int64_t limit) {
  return {dataset.shape(), std::min(limit, dataset.num_episodes()),
          [&dataset](int64_t episode) {
            return dataset.read_episode(episode, 0, dataset.episode_frames(episode));
          },
          dataset.fingerprint()};
}

}  // namespace nextframe
