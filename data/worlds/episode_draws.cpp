#include "data/worlds/episode_draws.h"

#include "kernels/base/philox.h"

namespace nextframe {

EpisodeDraws::EpisodeDraws(const EpisodeKey& key)
    : key_(draw_key({key.seed, key.split}, DrawStream::world, key.index)) {}

double EpisodeDraws::next() {
  const Philox random(key_, counter_++, 0);
  return static_cast<double>(uniform_from_bits(random.value[0]));
}

int64_t EpisodeDraws::integer(int64_t least, int64_t most) {
  return least + static_cast<int64_t>(next() * static_cast<double>(most - least + 1));
}

}  // namespace nextframe
