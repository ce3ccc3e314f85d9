// The sampler: shuffles clips by a pure function of seed and position, so it has no state to save.
#pragma once

#include <cstdint>
#include <vector>

namespace nextframe {

/// From slot `from_slot` on, until the next segment, samples are drawn from clips [0, num_clips) in
/// epochs that begin there. A run over data that have grown has more than one.
struct DataSegment {
  int64_t from_slot = 0;
  int64_t num_clips = 0;
  int64_t num_shards = 0;

  bool operator==(const DataSegment&) const = default;
};

/// Slot s of a segment that begins at slot 0 is clip permutation(seed, s / num_clips)(s %
/// num_clips).
class Sampler {
 public:
  Sampler(int64_t num_clips, uint64_t seed);
  /// One segment or more, by ascending from_slot.
  Sampler(std::vector<DataSegment> segments, uint64_t seed);

  /// The clip at position `slot` >= 0 of the endless stream of samples, or at the same position so
  /// many epochs later.
  int64_t clip_at(int64_t slot, int64_t epochs_later = 0) const;

  /// Of the newest segment.
  int64_t num_clips() const { return segments_.back().num_clips; }

 private:
  std::vector<DataSegment> segments_;
  uint64_t seed_;
};

/// Element `index` of a pseudo-random permutation of [0, size): a Feistel network with cycle
/// walking (Luby & Rackoff 1988; Black & Rogaway 2002).
int64_t permuted_index(int64_t index, int64_t size, uint64_t key);

}  // namespace nextframe
