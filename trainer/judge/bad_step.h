// What happens around a bad step: the message, the suspected clips, and the position after a
// rollback.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/checkpoint/run_state.h"
#include "trainer/judge/step_judge.h"

namespace nextframe {

/// The grains that may have made a step bad, and their clips.
struct Suspects {
  std::vector<int64_t> grains;  // empty: unknown
  std::vector<int64_t> clips;   // of these grains, else of all
};

/// A grain is a suspect if its loss is not finite. A gradient norm that is not finite, or a
/// spike, may come from any grain.
Suspects find_suspects(const std::vector<double>& grain_loss_sums,
                       const std::vector<std::vector<int64_t>>& clips_of_grain);

/// "step 7 was skipped (1 in a row): loss nan, gradient norm nan; grain 3, clip 17".
std::string describe_bad_step(int64_t step, const JudgedStep& judged, int64_t bad_in_row,
                              const Suspects& suspects);

/// The message for a step that was applied although its numbers are far above the last ones.
std::string describe_spike(int64_t step, const JudgedStep& judged);

/// The message when a run gives up: what ended it, and what usually helps.
std::string give_up_advice(const std::string& bad_step, int64_t rollbacks,
                           const std::string& checkpoints);

/// The position after a rollback from `bad`, whose newest steps were bad, to `restored`: that
/// of a checkpoint, or `bad` itself if there is none (skipped steps did not change the
/// parameters). The steps before the bad ones are repeated with the same clips, and the bad
/// ones without the suspects. So the run's result does not depend on which checkpoint it went
/// back to.
Position position_after_rollback(Position restored, const Position& bad, int64_t global_batch);

}  // namespace nextframe
