// A simulated world that is a scene: it says how an episode begins, and perhaps how it goes on;
// drawing, true state, replay and violations are done here, the same way for all such worlds.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/world.h"
#include "data/worlds/episode_draws.h"
#include "data/worlds/scene.h"

namespace nextframe {

/// The world's parameters as they were drawn for an episode.
class Parameters {
 public:
  /// Two draws of the first two may be needed, or more: their pair must suit the range.
  Parameters(const std::vector<WorldParameter>& list, WorldRange range, EpisodeDraws& draws);

  double operator[](std::string_view name) const;
  const std::vector<double>& values() const { return values_; }

 private:
  const std::vector<WorldParameter>& list_;
  std::vector<double> values_;
};

/// Whether a pair of values is left out of `inside`: both in the lowest third of their intervals,
/// or both in the highest.
bool is_held_back(const std::vector<WorldParameter>& list, const std::vector<double>& values);

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

// Draws that worlds share.

/// Of six saturated colours `count` different ones, in random order.
std::vector<Rgb> draw_colours(EpisodeDraws& draws, size_t count);

double draw_in(EpisodeDraws& draws, double low, double high);

/// A unit vector, each direction as likely.
Vector draw_direction(EpisodeDraws& draws);

/// Where a disc of this radius fits into a 64x64 frame.
Vector draw_position(EpisodeDraws& draws, double radius);

}  // namespace nextframe
