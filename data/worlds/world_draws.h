// What simulated worlds draw for an episode: their parameters, by range, and colours, places and
// directions.
#pragma once

#include <string_view>
#include <vector>

#include "data/world.h"
#include "data/worlds/episode_draws.h"
#include "data/worlds/scene.h"

namespace nextframe {

/// The world's parameters as they were drawn for an episode.
class Parameters {
 public:
  /// Draws all of them, and the first two again until their pair suits the range.
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

/// Of six saturated colours `count` different ones, in random order.
std::vector<Rgb> draw_colours(EpisodeDraws& draws, size_t count);

double draw_in(EpisodeDraws& draws, double low, double high);

/// A unit vector, each direction as likely.
Vector draw_direction(EpisodeDraws& draws);

/// Where a disc of this radius fits into a 64x64 frame.
Vector draw_position(EpisodeDraws& draws, double radius);

}  // namespace nextframe
