// The sampler: shuffles clips by a pure function of seed and position, so it has no state to save.
#pragma once

#include <cstdint>

namespace nextframe {

/// Slot s of the run is clip permutation(seed, s / num_clips)(s % num_clips).
class Sampler {
 public:
  Sampler(int64_t num_clips, uint64_t seed) : num_clips_(num_clips), seed_(seed) {}

  /// The clip at position `slot` >= 0 of the endless stream of samples.
  int64_t clip_at(int64_t slot) const;

  int64_t num_clips() const { return num_clips_; }

 private:
  int64_t num_clips_;
  uint64_t seed_;
};

/// Element `index` of a pseudo-random permutation of [0, size): a Feistel network with cycle
/// walking (Luby & Rackoff 1988; Black & Rogaway 2002).
int64_t permuted_index(int64_t index, int64_t size, uint64_t key);

}  // namespace nextframe
