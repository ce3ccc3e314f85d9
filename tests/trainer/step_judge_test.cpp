#include "trainer/judge/step_judge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace nextframe {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfiniteLoss = std::numeric_limits<double>::infinity();

/// A run of steps; bad ones are told apart by their loss alone.
struct Steps {
  explicit Steps(const JudgeLimits& limits = {}) : judge(limits) {}

  Verdict step(double loss, double grad_norm = 1) {
    newest = judge.judge(history, ++number, loss, grad_norm);
    return newest.verdict;
  }

  /// Applied steps, with losses that go up and down a little.
  void usual_steps(int count) {
    for (int i = 0; i < count; ++i)
      ASSERT_EQ(step(1 + 0.1 * static_cast<double>(number % 3)), Verdict::apply);
  }

  /// Goes back to before the bad steps, as the trainer does.
  void go_back(int64_t to) {
    history.rollbacks += 1;
    history.bad_until = number;
    history.bad_in_row = 0;
    number = to;
  }

  StepJudge judge;
  StepHistory history{};
  JudgedStep newest{};
  int64_t number = 0;
};

TEST(StepJudge, AppliesWhatIsFinite) {
  Steps run;
  run.usual_steps(200);
  EXPECT_EQ(run.history.losses.size(), kJudgedSteps);
  EXPECT_EQ(run.history.grad_norms.size(), kJudgedSteps);
  EXPECT_EQ(run.history.losses.back(), 1 + 0.1 * (199 % 3));
  EXPECT_EQ(run.history.skipped_steps, 0);
}

TEST(StepJudge, SkipsEveryKindOfNumberThatIsNotFinite) {
  for (const double bad : {kNan, kInfiniteLoss, -kInfiniteLoss}) {
    Steps run;
    run.usual_steps(3);
    EXPECT_EQ(run.step(bad), Verdict::skip);
    EXPECT_EQ(run.step(1, bad), Verdict::skip);
    EXPECT_FALSE(run.newest.is_spike);
    EXPECT_EQ(run.history.bad_in_row, 2);
    EXPECT_EQ(run.history.skipped_steps, 2);
    EXPECT_EQ(run.history.losses.size(), 3U) << "bad numbers are not remembered";
  }
}

TEST(StepJudge, AnAppliedStepEndsTheRow) {
  Steps run;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(run.step(kNan), Verdict::skip);
    run.history.suspects.push_back(i);
    EXPECT_EQ(run.step(kNan), Verdict::skip);
    EXPECT_EQ(run.step(1), Verdict::apply);
    EXPECT_EQ(run.history.bad_in_row, 0);
    EXPECT_TRUE(run.history.suspects.empty());
  }
  EXPECT_EQ(run.history.skipped_steps, 10);
}

TEST(StepJudge, GoesBackAfterTheLastOfTheRowAndGivesUpWithoutProgress) {
  Steps run({.max_bad_steps = 3, .max_rollbacks = 2});
  run.usual_steps(4);
  for (int rollback = 0; rollback < 2; ++rollback) {
    EXPECT_EQ(run.step(kNan), Verdict::skip);
    EXPECT_EQ(run.step(kNan), Verdict::skip);
    EXPECT_EQ(run.step(kNan), Verdict::roll_back);
    run.go_back(2);
    run.usual_steps(2);  // up to the bad place is no progress
  }
  EXPECT_EQ(run.step(kNan), Verdict::skip);
  EXPECT_EQ(run.step(kNan), Verdict::skip);
  EXPECT_EQ(run.step(kNan), Verdict::give_up);
}

TEST(StepJudge, AStepPastTheBadPlaceClearsTheCountOfRollbacks) {
  Steps run({.max_bad_steps = 1, .max_rollbacks = 1});
  run.usual_steps(4);
  EXPECT_EQ(run.step(kNan), Verdict::roll_back);
  run.go_back(4);
  run.usual_steps(1);
  EXPECT_EQ(run.history.rollbacks, 1) << "the bad place itself is not past it";
  run.usual_steps(1);
  EXPECT_EQ(run.history.rollbacks, 0);
  EXPECT_EQ(run.step(kNan), Verdict::roll_back);
}

TEST(StepJudge, WithoutRollbacksTheRowEndsTheRun) {
  Steps run({.max_bad_steps = 1, .max_rollbacks = 0});
  EXPECT_EQ(run.step(kNan), Verdict::give_up);
}

TEST(StepJudge, TellsOfASpikeAndAppliesItUnlessAskedToSkip) {
  for (const bool skips : {false, true}) {
    Steps run({.skip_spikes_above_z = skips ? 20.0 : 0.0});
    run.usual_steps(40);
    EXPECT_EQ(run.step(1e3), skips ? Verdict::skip : Verdict::apply);
    EXPECT_TRUE(run.newest.is_spike);
    EXPECT_GT(run.newest.loss_z, 20);
    EXPECT_EQ(run.step(1, 1e3), skips ? Verdict::skip : Verdict::apply);
    EXPECT_GT(run.newest.grad_norm_z, 20);
    EXPECT_EQ(run.step(-1e3), Verdict::apply) << "lower is no spike";
    EXPECT_FALSE(run.newest.is_spike);
  }
}

TEST(StepJudge, NanNeverPassesForAnUnspectacularZScore) {
  Steps run({.skip_spikes_above_z = 1e9});  // above what any z-score reaches
  run.usual_steps(40);
  EXPECT_EQ(run.step(kNan), Verdict::skip);
  EXPECT_FALSE(std::isnan(run.newest.loss_z));
  EXPECT_EQ(run.step(1, kNan), Verdict::skip);
  EXPECT_FALSE(std::isnan(run.newest.grad_norm_z));
}

TEST(StepJudge, SpikesDoNotMakeTheNextOnesUsual) {
  Steps run({.max_bad_steps = 1000, .skip_spikes_above_z = 20});
  run.usual_steps(40);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(run.step(1e3), Verdict::skip);
}

/// 0.9, 1.0, 1.1, 0.9, ...: median 1, median absolute deviation 0.1.
std::vector<double> usual(size_t count) {
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) values.push_back(0.9 + 0.1 * static_cast<double>(i % 3));
  return values;
}

TEST(RobustZ, CountsMedianAbsoluteDeviationsFromTheMedian) {
  EXPECT_NEAR(robust_z_score(usual(30), 1.0 + 2 * 0.14826), 2, 1e-9);
  EXPECT_NEAR(robust_z_score(usual(30), 1.0 - 2 * 0.14826), -2, 1e-9);
  EXPECT_EQ(robust_z_score(usual(30), 1.0), 0);
}

TEST(RobustZ, OneSpikeAmongThemDoesNotHideTheNext) {
  auto values = usual(30);
  values[7] = 1e9;
  EXPECT_GT(robust_z_score(values, 5), 20);
}

TEST(RobustZ, ANumberThatIsNotFiniteIsAboveEveryLimit) {
  for (const double value : {std::nan(""), kInfiniteLoss, -kInfiniteLoss}) {
    EXPECT_EQ(robust_z_score(usual(30), value), kHighestZ);
    EXPECT_EQ(robust_z_score({}, value), kHighestZ);
  }
}

TEST(RobustZ, EqualValuesLeaveRoomForTheLastDigits) {
  const std::vector<double> equal(20, 2.0);
  EXPECT_EQ(robust_z_score(equal, 2.0), 0);
  EXPECT_LT(robust_z_score(equal, 2.0 + 1e-9), 0.1);
  EXPECT_GT(robust_z_score(equal, 3.0), 100);
  const std::vector<double> zeros(20, 0.0);
  EXPECT_EQ(robust_z_score(zeros, 0.0), 0);
  EXPECT_EQ(robust_z_score(zeros, 1e-30), kHighestZ);
  EXPECT_EQ(robust_z_score(zeros, -1e-30), -kHighestZ);
}

TEST(RobustZ, TooFewValuesJudgeNothing) {
  EXPECT_EQ(robust_z_score(usual(kFewestForZ - 1), 100), 0);
  EXPECT_GT(robust_z_score(usual(kFewestForZ), 100), 10);
}

}  // namespace
}  // namespace nextframe
