// The clips that a run has excluded after bad steps, from a given position in its stream of samples
// on.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace nextframe {

struct SetAsideClip {
  int64_t clip = 0;       // its number in the dataset, which is its sample id
  int64_t from_slot = 0;  // earlier slots still read it, so that a rollback repeats them exactly

  bool operator==(const SetAsideClip&) const = default;
};

class SetAside {
 public:
  explicit SetAside(const std::vector<SetAsideClip>& clips);

  /// Whether `clip` is left out at position `slot`.
  bool contains(int64_t clip, int64_t slot) const;

  /// How many clips there are, each counted once.
  int64_t size() const { return static_cast<int64_t>(from_slot_.size()); }

 private:
  std::unordered_map<int64_t, int64_t> from_slot_;  // by clip
};

}  // namespace nextframe
