#include "launch/hang/section_stack.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

/// A step of `took_s`, with all ranks met in the middle; ends at the returned time.
double run_step(SectionStack& stack, int64_t number, double begin_s, double took_s) {
  stack.enter_step(number, begin_s);
  stack.enter_sync_point(begin_s + took_s / 2);
  stack.leave(begin_s + took_s / 2);
  stack.leave(begin_s + took_s);
  return begin_s + took_s;
}

/// Steps of 1 s, beyond the warm-up.
double warm_up(SectionStack& stack) {
  double now_s = 0;
  for (int64_t number = 1; number <= 8; ++number) now_s = run_step(stack, number, now_s, 1);
  return now_s;
}

TEST(HangLimits, AutomaticIsFiveTimesTheLongestStepAndAtLeastTenSeconds) {
  HangLimits limits(0, 100);
  limits.note_step(50);  // the first ones do not count
  for (int i = 0; i < 4; ++i) limits.note_step(1);
  EXPECT_EQ(limits.step_s(), 100);  // nothing measured yet
  limits.note_step(1);
  EXPECT_EQ(limits.step_s(), 10);
  limits.note_step(3);
  EXPECT_EQ(limits.step_s(), 15);
}

TEST(HangLimits, AGivenOneHoldsAfterTheWarmUp) {
  HangLimits limits(4, 100);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(limits.step_s(), 100);
    limits.note_step(30);
  }
  EXPECT_EQ(limits.step_s(), 4);
}

TEST(SectionStack, AStepHasItsLimitWhereverItStands) {
  SectionStack stack({4, 100}, 0);
  double now_s = warm_up(stack);
  stack.enter_step(9, now_s);
  stack.enter_part("data", now_s);
  EXPECT_FALSE(stack.expired(now_s + 3.9));
  const auto expiry = stack.expired(now_s + 4.1);
  ASSERT_TRUE(expiry);
  EXPECT_EQ(expiry->section, "data");
  EXPECT_EQ(expiry->step, 9);
  EXPECT_EQ(expiry->limit_s, 4);
}

TEST(SectionStack, SetupHasALimitOfItsOwn) {
  const SectionStack stack({4, 100}, 0);
  EXPECT_FALSE(stack.expired(99));
  ASSERT_TRUE(stack.expired(101));
  EXPECT_EQ(stack.expired(101)->section, "setup");
}

TEST(SectionStack, APauseStopsTheStepsClock) {
  SectionStack stack({4, 100}, 0);
  const double now_s = warm_up(stack);
  stack.enter_step(9, now_s);
  stack.enter_pause("save", now_s + 3);
  EXPECT_FALSE(stack.expired(now_s + 102));
  EXPECT_EQ(stack.expired(now_s + 104)->section, "save");
  stack.leave(now_s + 53);
  EXPECT_FALSE(stack.expired(now_s + 53.9));
  EXPECT_TRUE(stack.expired(now_s + 54.1));
}

TEST(SectionStack, AfterAPauseTheOthersHaveItsLimitUntilAllHaveMet) {
  SectionStack stack({4, 100}, 0);
  double now_s = warm_up(stack);
  stack.enter_step(9, now_s);
  stack.enter_pause("evaluate", now_s);  // only the root has something to do in it
  stack.leave(now_s);
  stack.leave(now_s);
  stack.enter_step(10, now_s);
  stack.enter_sync_point(now_s);
  EXPECT_FALSE(stack.expired(now_s + 103));
  EXPECT_EQ(stack.expired(now_s + 105)->limit_s, 104);
  stack.leave(now_s + 80);  // all are there: from now on it is a step like others
  EXPECT_FALSE(stack.expired(now_s + 83));
  EXPECT_TRUE(stack.expired(now_s + 85));
}

TEST(SectionStack, WaitingForAPauseIsNoMeasureOfAStep) {
  SectionStack stack({0, 100}, 0);
  double now_s = warm_up(stack);
  stack.enter_step(9, now_s);
  stack.enter_pause("evaluate", now_s);
  stack.leave(now_s);
  stack.leave(now_s);
  now_s = run_step(stack, 10, now_s, 80);
  stack.enter_step(11, now_s);
  EXPECT_EQ(stack.expired(now_s + 11)->limit_s, 10);
}

TEST(SectionStack, ASignOfLifeBeginsThePausesLimitAgain) {
  SectionStack stack({4, 100}, 0);
  double now_s = warm_up(stack);
  stack.enter_step(9, now_s);
  stack.enter_pause("evaluate", now_s);
  for (int i = 0; i < 3; ++i) {
    now_s += 90;
    stack.enter_part("frames", now_s);
    stack.show_life(now_s);
    stack.leave(now_s);
    EXPECT_FALSE(stack.expired(now_s + 99));
  }
  const auto expiry = stack.expired(now_s + 101);
  ASSERT_TRUE(expiry);
  EXPECT_EQ(expiry->section, "evaluate");
  EXPECT_EQ(expiry->took_s, 101);
  stack.leave(now_s);
  EXPECT_FALSE(stack.expired(now_s + 3.9)) << "the pause was no part of the step";
}

TEST(SectionStack, AStepShowsNoSignOfLife) {
  SectionStack stack({4, 100}, 0);
  const double now_s = warm_up(stack);
  stack.enter_step(9, now_s);
  stack.show_life(now_s + 3);
  EXPECT_TRUE(stack.expired(now_s + 5));
}

}  // namespace
}  // namespace nextframe
