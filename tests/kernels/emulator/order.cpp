#include "tests/kernels/emulator/order.h"

#include <algorithm>

namespace nextframe::emulator {

void Knowledge::learn(const Knowledge& other) {
  if (steps_ == other.steps_) return;
  const auto &mine = *steps_, &theirs = *other.steps_;
  bool is_less = false, is_more = false;
  for (size_t i = 0; i < mine.size(); ++i) {
    is_less |= mine[i] < theirs[i];
    is_more |= mine[i] > theirs[i];
  }
  if (!is_less) return;
  if (!is_more) {
    steps_ = other.steps_;
    return;
  }
  auto both = std::make_shared<std::vector<uint32_t>>(mine);
  for (size_t i = 0; i < mine.size(); ++i) (*both)[i] = std::max(mine[i], theirs[i]);
  steps_ = std::move(both);
}

void Knowledge::learn(uint32_t agent, uint32_t steps, uint32_t count) {
  auto more = std::make_shared<std::vector<uint32_t>>(*steps_);
  for (uint32_t i = agent; i < agent + count; ++i) (*more)[i] = std::max((*more)[i], steps);
  steps_ = std::move(more);
}

bool Trace::is_known(const Knowledge& known, uint32_t self) const {
  for (uint32_t i = agent; i < uint32_t{agent} + count; ++i) {
    if (known.of(i) <= step && i != self) return false;
  }
  return true;
}

}  // namespace nextframe::emulator
