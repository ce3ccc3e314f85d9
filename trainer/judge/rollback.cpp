#include "trainer/judge/rollback.h"

namespace nextframe {

Position position_after_rollback(Position restored, const Position& bad, int64_t global_batch) {
  // A checkpoint from amid bad steps holds the parameters of before the first of them.
  auto& history = restored.history;
  restored.step -= history.bad_in_row;
  restored.samples -= history.bad_in_row * global_batch;
  history.skipped_steps -= history.bad_in_row;
  history.bad_in_row = 0;
  history.suspects.clear();

  history.rollbacks = bad.history.rollbacks + 1;
  history.bad_until = bad.step;
  const int64_t from_slot = (bad.step - bad.history.bad_in_row) * global_batch;
  restored.set_aside = bad.set_aside;
  for (const int64_t clip : bad.history.suspects) restored.set_aside.push_back({clip, from_slot});
  return restored;
}

}  // namespace nextframe
