// The sampler: shuffles clips by a pure function of seed and position, so it has no state to save.
#pragma once

#include <cstdint>
#include <vector>

namespace nextframe {

/// A stretch of the sample stream with the same data: from position `from_slot` until the next
/// segment, samples come from clips [0, num_clips), in epochs that begin at `from_slot`. A run to
/// which data were added (--accept-new-data) has more than one.
struct DataSegment {
  int64_t from_slot = 0;
  int64_t num_clips = 0;
  int64_t num_shards = 0;

  bool operator==(const DataSegment&) const = default;
};

/// Shuffles each epoch anew: position s of the first segment is element s % num_clips of a
/// permutation that depends on the seed and the epoch, s / num_clips.
class Sampler {
 public:
  Sampler(int64_t num_clips, uint64_t seed);
  /// One segment or more, by ascending from_slot.
  Sampler(std::vector<DataSegment> segments, uint64_t seed);

  /// The clip at position `slot` >= 0 of the endless stream of samples. With `epochs_later`: the
  /// clip that has the same place in a later epoch.
  int64_t clip_at(int64_t slot, int64_t epochs_later = 0) const;

  /// Number of clips of the newest segment.
  int64_t num_clips() const { return segments_.back().num_clips; }

 private:
  std::vector<DataSegment> segments_;
  uint64_t seed_;
};

/// Element `index` of a pseudo-random permutation of [0, size): a Feistel network with cycle
/// walking (Luby & Rackoff 1988; Black & Rogaway 2002).
int64_t permuted_index(int64_t index, int64_t size, uint64_t key);

}  // namespace nextframe
