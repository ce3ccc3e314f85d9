#include "trainer/evaluate/episode_source.h"

namespace nextframe {
namespace {

int64_t num_strided(int64_t stored, int64_t stride_frames) {
  return stored > 0 ? (stored - 1) / stride_frames + 1 : 0;
}

/// How many stored frames `count` of them, a stride apart, are taken from.
int64_t stored_span(int64_t count, int64_t stride_frames) {
  return (count - 1) * stride_frames + 1;
}

}  // namespace

EpisodeSource first_episodes(const Dataset& dataset, int64_t limit, int64_t min_frames) {
  const int64_t stride = dataset.stride_frames();
  EpisodeSource source;
  source.shape = dataset.shape();
  source.fingerprint = dataset.fingerprint();
  source.dataset_episodes = dataset.num_episodes();
  source.read = [&dataset, stride](int64_t number, int64_t first, int64_t count) {
    return dataset.read_episode(number, first * stride, stored_span(count, stride));
  };
  source.read_actions = [&dataset, stride](int64_t number, int64_t first, int64_t count) {
    return dataset.read_actions(number, first * stride, stored_span(count, stride));
  };
  for (int64_t number = 0; number < dataset.num_episodes(); ++number) {
    if (source.num_episodes() == limit) break;
    const int64_t num_frames = num_strided(dataset.episode_frames(number), stride);
    if (num_frames >= min_frames) {
      source.episodes.push_back({number, num_frames});
    } else {
      ++source.num_passed_over;
    }
  }
  return source;
}

EpisodeSource all_episodes(const Dataset& dataset) {
  return first_episodes(dataset, dataset.num_episodes());
}

}  // namespace nextframe
