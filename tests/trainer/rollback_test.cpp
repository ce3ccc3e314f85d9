#include <gtest/gtest.h>

#include "trainer/judge/bad_step.h"

namespace nextframe {
namespace {

constexpr int64_t kBatch = 8;

Position position(int64_t step, int64_t bad_in_row, int64_t skipped) {
  Position result{step, step * kBatch, 42, {}, {}};
  result.history.bad_in_row = bad_in_row;
  result.history.skipped_steps = skipped;
  result.history.losses = {1, 2};
  return result;
}

/// Steps 9, 10 and 11 were bad.
Position bad_position() {
  auto bad = position(11, 3, 4);
  bad.history.suspects = {70, 90};
  bad.set_aside = {{5, 16}};
  return bad;
}

TEST(Rollback, SetsAsideTheSuspectsFromTheFirstBadStepOn) {
  const auto result = position_after_rollback(position(4, 0, 1), bad_position(), kBatch);
  EXPECT_EQ(result.set_aside, (std::vector<SetAsideClip>{{5, 16}, {70, 64}, {90, 64}}));
  EXPECT_EQ(result.step, 4);
  EXPECT_EQ(result.samples, 4 * kBatch);
  EXPECT_EQ(result.history.skipped_steps, 1);
  EXPECT_EQ(result.history.rollbacks, 1);
  EXPECT_EQ(result.history.bad_until, 11);
}

TEST(Rollback, ACheckpointFromAmidTheBadStepsIsOneFromBeforeThem) {
  auto amid = position(10, 2, 3);
  amid.history.suspects = {70};
  const auto result = position_after_rollback(amid, bad_position(), kBatch);
  EXPECT_EQ(result, position_after_rollback(position(8, 0, 1), bad_position(), kBatch));
  EXPECT_EQ(result.step, 8);
}

TEST(Rollback, WithoutACheckpointTheBadStepsAloneAreUndone) {
  EXPECT_EQ(position_after_rollback(bad_position(), bad_position(), kBatch),
            position_after_rollback(position(8, 0, 1), bad_position(), kBatch));
}

TEST(Rollback, CountsOnFromTheRollbacksBefore) {
  auto bad = bad_position();
  bad.history.rollbacks = 1;
  EXPECT_EQ(position_after_rollback(position(4, 0, 0), bad, kBatch).history.rollbacks, 2);
}

}  // namespace
}  // namespace nextframe
