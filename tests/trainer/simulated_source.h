// Episodes of a simulated world as an evaluation sees them, without shards.
#pragma once

#include <algorithm>
#include <map>
#include <memory>

#include "kernels/torch.h"
#include "trainer/evaluate/episode_source.h"

namespace nextframe {

/// Each episode is made once.
class SimulatedEpisodes {
 public:
  SimulatedEpisodes(std::string world, int64_t num_frames)
      : world_(std::move(world)), num_frames_(num_frames) {}

  const SimulatedWorld& world() const { return WorldRegistry::instance().get(world_, "world"); }
  EpisodeKey key(int64_t number) const { return {1, 1, static_cast<uint64_t>(number)}; }
  int64_t num_frames() const { return num_frames_; }

  const RecordedEpisode& at(int64_t number) {
    const auto found = made_.find(number);
    if (found != made_.end()) return found->second;
    return made_.emplace(number, world().episode(key(number), num_frames_)).first->second;
  }

  /// One-hot, or of width 0.
  at::Tensor actions_TA(int64_t number) {
    const auto& actions = at(number).actions;
    if (!actions.defined()) return at::zeros({num_frames_, 0});
    return at::one_hot(actions, world().action_space.width).to(at::kFloat);
  }

  at::Tensor column(int64_t number, const std::string& name) {
    for (const auto& column : at(number).columns) {
      if (column.name == name) return column.values.to(at::kFloat);
    }
    throw std::out_of_range(name);
  }

 private:
  std::string world_;
  int64_t num_frames_;
  std::map<int64_t, RecordedEpisode> made_;
};

/// With true state and an origin, so that the episodes can be replayed.
inline EpisodeSource source_of(const std::shared_ptr<SimulatedEpisodes>& made, int64_t episodes,
                               int64_t clip_frames = 16) {
  EpisodeSource source;
  const auto& frames = made->at(0).frames_THWC;
  source.shape = {clip_frames, frames.size(1), frames.size(2), frames.size(3),
                  made->actions_TA(0).size(1)};
  source.dataset_episodes = episodes;
  for (int64_t number = 0; number < episodes; ++number)
    source.episodes.push_back({number, made->num_frames()});
  source.read = [made](int64_t number, int64_t first, int64_t count) {
    return Episode{made->at(number).frames_THWC.narrow(0, first, count),
                   made->actions_TA(number).narrow(0, first, count)};
  };
  source.read_actions = [made](int64_t number, int64_t first, int64_t count) {
    return made->actions_TA(number).narrow(0, first, count);
  };
  source.column_names = [made](int64_t number) {
    std::vector<std::string> names;
    for (const auto& column : made->at(number).columns) names.push_back(column.name);
    return names;
  };
  source.read_column = [made](int64_t number, const std::string& name, int64_t first,
                              int64_t count) {
    return made->column(number, name).narrow(0, first, count);
  };
  source.origin = [made](int64_t number) {
    const auto& worlds = WorldRegistry::instance();
    WorldOrigin origin;
    for (const auto& name : worlds.names()) {
      if (worlds.find(name) == &made->world()) origin.world = name;
    }
    origin.first = made->key(number);
    return std::optional(origin);
  };
  return source;
}

}  // namespace nextframe
