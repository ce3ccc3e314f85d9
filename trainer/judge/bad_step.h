// What happens around a bad step: the message, the suspected clips, and the position after a
// rollback.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/checkpoint/run_state.h"
#include "trainer/judge/step_judge.h"

namespace nextframe {

/// Which grains were bad, and their clips.
struct Suspects {
  std::vector<int64_t> grains;  // none: it cannot be told
  std::vector<int64_t> clips;   // of these grains, else of all
};

/// A grain is suspected when its loss is not finite. A norm that is not finite, or a spike, may
/// come from any grain.
Suspects find_suspects(const std::vector<double>& grain_loss_sums,
                       const std::vector<std::vector<int64_t>>& clips_of_grain);

/// "step 7 was skipped (1 in a row): loss nan, gradient norm nan; grain 3, clip 17".
std::string describe_bad_step(int64_t step, const JudgedStep& judged, int64_t bad_in_row,
                              const Suspects& suspects);

/// Of a step that was applied although its numbers are far above the last ones.
std::string describe_spike(int64_t step, const JudgedStep& judged);

/// What ended the run, and what usually helps.
std::string give_up_advice(const std::string& bad_step, int64_t rollbacks,
                           const std::string& checkpoints);

/// The position after a rollback from `bad`, a position whose newest steps were bad, to `restored`:
/// that of a checkpoint, or `bad` itself where there is none, since steps that were skipped left
/// the parameters as they were. Steps before the bad ones are done again with the clips they had,
/// and the bad ones without their suspects: the run comes out the same from any checkpoint.
Position position_after_rollback(Position restored, const Position& bad, int64_t global_batch);

}  // namespace nextframe
