// A simulated world that is a scene: it says how an episode begins, and perhaps how it goes on;
// drawing, true state, replay and violations are done here, the same way for all such worlds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/world.h"
#include "data/worlds/scene.h"
#include "data/worlds/world_draws.h"

namespace nextframe {

struct SceneEpisode {
  Scene scene;
  /// From frame t to frame t + 1, in place of step(scene). `action` is 0 without actions.
  std::function<void(Scene& scene, int64_t t, int64_t action)> advance{};
  /// The action taken at frame t; asked for every frame in turn, unless actions are replayed.
  std::function<int64_t(const Scene& scene, int64_t t)> choose_action{};
};

struct SceneWorld {
  std::string summary;  // one line
  std::vector<WorldParameter> parameters;
  std::vector<std::string> objects;
  std::vector<Violation::Kind> violations{};
  std::function<SceneEpisode(const Parameters& parameters, EpisodeDraws& draws)> begin;
  std::vector<std::string> actions{};  // names of the choices
  /// Alters an episode that has not begun, in a way of its own; false: the usual way is right.
  std::function<bool(SceneEpisode& episode, const Violation& violation)> alter{};
};

/// The world as `data make` and evaluations use it: 64x64 RGB at 15 frames/s, with the columns that
/// scene_columns() describes.
SimulatedWorld simulated(SceneWorld world);

/// The true state that every scene has.
std::vector<StateColumn> scene_columns(const std::vector<WorldParameter>& parameters);

}  // namespace nextframe
