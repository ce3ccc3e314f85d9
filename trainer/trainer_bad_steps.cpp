// What the training loop does when a step's numbers are bad; the verdicts are step_judge.h's.

#include "kernels/torch.h"
#include "trainer/exit_code.h"
#include "trainer/judge/bad_step.h"
#include "trainer/judge/rollback.h"
#include "trainer/trainer.h"

namespace nextframe {
namespace {

constexpr int64_t kSpikeSilence = 50;  // steps between two lines about spikes that were applied

}  // namespace

/// Collective: all ranks have the same numbers, and so the same verdict.
void Trainer::after_unusual_step(const StepTotals& totals, const JudgedStep& judged) {
  if (judged.verdict == Verdict::apply) {
    if (position_.step - told_spike_step_ < kSpikeSilence) return;
    told_spike_step_ = position_.step;
    return console_.say(describe_spike(position_.step, judged));
  }
  auto& history = position_.history;
  const auto suspects = find_suspects(totals.grain_loss_sums, statistics_.sample_ids());
  history.suspects.insert(history.suspects.end(), suspects.clips.begin(), suspects.clips.end());
  const auto line = describe_bad_step(position_.step, judged, history.bad_in_row, suspects);
  if (judged.verdict == Verdict::give_up) {
    throw NumericsError(give_up_advice(line, history.rollbacks, folder_.checkpoints().string()));
  }
  console_.say(line);
}

/// To the newest checkpoint; without one, to before the bad steps, which changed no parameter.
void Trainer::go_back() {
  const auto bad = position_;
  restore();
  position_ = rewound(position_, bad, config_.trainer.global_batch);
  saved_step_ = -1;  // no checkpoint knows the clips that are set aside now
  recent_sums_.clear();
  console_.say(c10::str("back from step ", bad.step, " to step ", position_.step, "; from step ",
                        bad.step - bad.history.bad_in_row + 1, " on ", bad.history.suspects.size(),
                        " clips are set aside (time ", position_.history.rollbacks, " of ",
                        config_.trainer.max_rollbacks, " without getting further)"));
  open_streams();
}

}  // namespace nextframe
