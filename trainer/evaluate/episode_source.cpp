#include "trainer/evaluate/episode_source.h"

#include <algorithm>
#include <map>

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

at::Device device_of(const WorldModel& model) {
  const auto parameters = model.parameters();
  return parameters.empty() ? at::Device(at::kCPU) : parameters[0].device();
}

EpisodeSource with_latent_actions(EpisodeSource source, WorldModel& model) {
  if (model.num_latent_actions() == 0) return source;
  source.shape.action_width = model.num_latent_actions();
  std::map<int64_t, int64_t> lengths;
  for (const auto& episode : source.episodes) lengths[episode.number] = episode.num_frames;
  source.read_recorded_actions = source.read_actions;
  source.read = [read = source.read, lengths, &model](int64_t number, int64_t first,
                                                      int64_t count) {
    const int64_t seen = std::min(count + 1, lengths.at(number) - first);
    auto episode = read(number, first, seen);
    const auto frames_1THWC = episode.frames_THWC.unsqueeze(0).to(device_of(model));
    episode.actions_TA = model.infer_actions(frames_1THWC).squeeze(0).cpu().slice(0, 0, count);
    episode.frames_THWC = episode.frames_THWC.slice(0, 0, count);
    return episode;
  };
  source.read_actions = [read = source.read](int64_t number, int64_t first, int64_t count) {
    return read(number, first, count).actions_TA;
  };
  return source;
}

EpisodeSource all_episodes(const Dataset& dataset) {
  return first_episodes(dataset, dataset.num_episodes());
}

}  // namespace nextframe
