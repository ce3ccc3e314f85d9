// The random numbers of one episode of a simulated world.
#pragma once

#include <cstdint>

#include "data/world.h"

namespace nextframe {

/// A sequence that depends on the episode's key alone, so that an episode has the same bytes on
/// every machine.
class EpisodeDraws {
 public:
  explicit EpisodeDraws(const EpisodeKey& key);

  /// Uniform in [0, 1).
  double next();

  /// A whole number, uniform in [least, most].
  int64_t integer(int64_t least, int64_t most);

 private:
  uint64_t key_, counter_ = 0;
};

}  // namespace nextframe
