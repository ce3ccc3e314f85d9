#include "data/set_aside.h"

#include <algorithm>

namespace nextframe {

SetAside::SetAside(const std::vector<SetAsideClip>& clips) {
  for (const auto& [clip, from_slot] : clips) {
    const auto [known, is_new] = from_slot_.try_emplace(clip, from_slot);
    if (!is_new) known->second = std::min(known->second, from_slot);
  }
}

bool SetAside::contains(int64_t clip, int64_t slot) const {
  const auto known = from_slot_.find(clip);
  return known != from_slot_.end() && slot >= known->second;
}

}  // namespace nextframe
