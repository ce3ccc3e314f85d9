#include "trainer/judge/bad_step.h"

#include <gtest/gtest.h>

#include <cmath>

namespace nextframe {
namespace {

TEST(BadStep, SuspectsTheGrainsWhoseLossIsNotFinite) {
  const auto suspects = find_suspects({1, std::nan(""), 2, INFINITY}, {{10}, {11}, {12}, {13}});
  EXPECT_EQ(suspects.grains, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(suspects.clips, (std::vector<int64_t>{11, 13}));
}

TEST(BadStep, SuspectsAllClipsWhenNoGrainCanBeTold) {
  const auto suspects = find_suspects({1, 2}, {{10, 20}, {11, 21}});
  EXPECT_TRUE(suspects.grains.empty());
  EXPECT_EQ(suspects.clips, (std::vector<int64_t>{10, 20, 11, 21}));
}

TEST(BadStep, IsToldInOneLine) {
  JudgedStep judged{Verdict::skip, -std::nan(""), 2.5, 1e6, 0.5};
  EXPECT_EQ(describe_bad_step(7, judged, 1, {{1, 3}, {11, 13}}),
            "step 7 was skipped (1 in a row): loss nan, gradient norm 2.5 (z 0.5); grains 1, 3, "
            "clips 11, 13");
  const Suspects many{{}, std::vector<int64_t>(100, 5)};
  const auto line = describe_bad_step(7, judged, 2, many);
  EXPECT_NE(line.find("and 84 more"), std::string::npos) << line;
}

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

TEST(Rollback, ACheckpointFromBeforeDataWereAddedStillLeadsToThem) {
  auto bad = bad_position();
  bad.segments = {{0, 100, 1}, {9 * kBatch, 150, 2}};
  EXPECT_EQ(position_after_rollback(position(4, 0, 0), bad, kBatch).segments, bad.segments);
}

TEST(Rollback, CountsOnFromTheRollbacksBefore) {
  auto bad = bad_position();
  bad.history.rollbacks = 1;
  EXPECT_EQ(position_after_rollback(position(4, 0, 0), bad, kBatch).history.rollbacks, 2);
}

}  // namespace
}  // namespace nextframe
