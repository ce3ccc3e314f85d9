// Judges a step by its loss and gradient norm: apply it, skip it, roll back, or give up. Works on
// numbers only, without tensors, ranks or files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

/// Statistics of the steps so far. Part of a run's position, so checkpoints and digests include it.
struct StepHistory {
  std::vector<double> losses, grad_norms;  // of the newest steps that were applied, oldest first
  int64_t skipped_steps = 0;               // number of steps skipped so far
  int64_t bad_in_row = 0;                  // number of bad steps since the last good one
  std::vector<int64_t> suspects;           // clips that may have caused these bad steps
  int64_t rollbacks = 0;                   // since the run last got past step `bad_until`
  int64_t bad_until = 0;                   // the step at which the last rollback was decided

  bool operator==(const StepHistory&) const = default;
};

enum class Verdict {
  apply,
  skip,       // leave parameters and optimizer as they are, and go on
  roll_back,  // skip, then go back to before the bad steps in a row
  give_up     // rolling back has not helped: end the run
};

struct JudgedStep {
  Verdict verdict = Verdict::apply;
  double loss = 0, grad_norm = 0;      // of this step
  double loss_z = 0, grad_norm_z = 0;  // robust z-scores against the steps applied before
  bool is_spike = false;               // finite, but far above the last steps; may still be applied
};

struct JudgeLimits {
  int64_t max_bad_steps = 3;       // in a row, before the run rolls back
  int64_t max_rollbacks = 2;       // without progress, before the run gives up
  double skip_spikes_above_z = 0;  // 0: finite numbers are applied, however high
};

inline constexpr size_t kJudgedSteps = 128;     // number of steps that a spike is compared with
inline constexpr double kTellSpikeAboveZ = 10;  // a line in the log tells of a higher spike

/// The same numbers give the same verdict on every rank.
class StepJudge {
 public:
  explicit StepJudge(const JudgeLimits& limits) : limits_(limits) {}

  /// Judges step number `step` (from 1) and adds it to `history`.
  JudgedStep judge(StepHistory& history, int64_t step, double loss, double grad_norm) const;

 private:
  Verdict after_bad_step(StepHistory& history) const;

  JudgeLimits limits_;
};

/// The largest z-score. A number that is not finite gets it, too, so that no comparison misses it.
inline constexpr double kHighestZ = 1e6;

/// With fewer earlier values than this, z is 0.
inline constexpr size_t kFewestForZ = 16;

/// How many robust standard deviations (1.4826 median absolute deviations, at least a thousandth of
/// the median) `value` lies above the median of the finite values `before` it. Never NaN.
double robust_z_score(const std::vector<double>& before, double value);

}  // namespace nextframe
