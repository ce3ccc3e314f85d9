#include "trainer/evaluate/episode_source.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "data/episode_columns.h"

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
  source.stride_frames = stride;
  source.column_names = [&dataset](int64_t number) {
    return nextframe::column_names(dataset, number);
  };
  source.read_column = [&dataset, stride](int64_t number, const std::string& name, int64_t first,
                                          int64_t count) {
    return nextframe::read_column(dataset, number, name, first * stride,
                                  stored_span(count, stride));
  };
  source.origin = [&dataset](int64_t number) { return origin_of(dataset, number); };
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

bool are_choices(const at::Tensor& actions_TA) {
  return actions_TA.mul(1 - actions_TA).eq(0).all().item<bool>() &&
         actions_TA.sum(1).eq(1).all().item<bool>();
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

RecordedEpisode replayed(const EpisodeSource& source, int64_t number, EpisodeRequest asked) {
  const auto origin = source.origin ? source.origin(number) : std::nullopt;
  if (!origin) {
    throw std::invalid_argument(c10::str("episode ", number, " is of no simulated world"));
  }
  asked.key = origin->first;
  asked.range = origin->range;
  return WorldRegistry::instance().get(origin->world, "world").replay(asked);
}

std::string replay_problem(const EpisodeSource& source) {
  for (const auto& episode : source.episodes) {
    if (source.origin && source.origin(episode.number)) continue;
    return "the data are not of a simulated world, or were made before shards named it";
  }
  if (source.stride_frames != 1) return "episodes are replayed without data.stride_frames only";
  if (source.episodes.empty()) return "";
  const auto& [number, num_frames] = source.episodes.front();
  try {
    const auto again = replayed(source, number, {.num_frames = num_frames});
    const auto truth = source.read(number, 0, num_frames);
    if (at::equal(again.frames_THWC, truth.frames_THWC)) return "";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return c10::str("the simulator makes other frames than those of episode ", number,
                  ": the data were made by another version of its world");
}

EpisodeSource all_episodes(const Dataset& dataset) {
  return first_episodes(dataset, dataset.num_episodes());
}

}  // namespace nextframe
