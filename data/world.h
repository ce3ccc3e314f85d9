// The interface of simulated worlds: one file each in data/worlds/, ending with its registration.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "data/action_space.h"
#include "data/recorded_episode.h"
#include "kernels/base/registry.h"

namespace nextframe {

/// Which episode: the same three numbers give the same bytes on every machine.
struct EpisodeKey {
  uint64_t seed = 0;
  uint64_t split = 0;  // 0 train, 1 validation: never the same episode twice
  uint64_t index = 0;
};

struct SimulatedWorld {
  std::string summary;  // one line
  ActionSpace action_space;
  int64_t fps = 0;
  std::function<RecordedEpisode(const EpisodeKey& key, int64_t num_frames)> episode;
};

using WorldRegistry = Registry<SimulatedWorld>;

}  // namespace nextframe

#define NF_REGISTER_WORLD(name, ...)                                  \
  namespace {                                                         \
  const bool registered_world_##name =                                \
      ::nextframe::WorldRegistry::instance().add(#name, __VA_ARGS__); \
  }
