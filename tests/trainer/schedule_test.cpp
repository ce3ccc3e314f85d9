#include "trainer/schedule.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

constexpr int64_t kSteps = 1000;

ScheduleConfig schedule_of(const std::string& kind) {
  ScheduleConfig schedule;
  schedule.kind = kind;
  schedule.warmup_steps = 100;
  schedule.decay_steps = kind == "wsd" ? 200 : 0;
  schedule.final_fraction = 0.1;
  return schedule;
}

double factor(const ScheduleConfig& schedule, int64_t step) {
  return learning_rate_factor(schedule, step, kSteps);
}

TEST(Schedule, EveryKindWarmsUpLinearlyFromItsFirstStep) {
  for (const std::string kind : {"constant", "cosine", "wsd"}) {
    EXPECT_DOUBLE_EQ(factor(schedule_of(kind), 0), 0.01) << kind;
    EXPECT_DOUBLE_EQ(factor(schedule_of(kind), 49), 0.5) << kind;
    EXPECT_DOUBLE_EQ(factor(schedule_of(kind), 99), 1.0) << kind;
    EXPECT_DOUBLE_EQ(factor(schedule_of(kind), 100), 1.0) << kind;
  }
}

TEST(Schedule, ConstantStaysAtThePeak) {
  EXPECT_EQ(factor(schedule_of("constant"), 500), 1.0);
  EXPECT_EQ(factor(schedule_of("constant"), kSteps - 1), 1.0);
}

TEST(Schedule, CosineFallsToTheFinalFractionAtTheLastStep) {
  const auto schedule = schedule_of("cosine");
  EXPECT_NEAR(learning_rate_factor(schedule, 550, 1001), 0.55, 1e-12);  // half way
  EXPECT_DOUBLE_EQ(factor(schedule, kSteps - 1), 0.1);
  for (int64_t step = 101; step < kSteps; ++step) {
    ASSERT_LT(factor(schedule, step), factor(schedule, step - 1)) << step;
  }
}

TEST(Schedule, WsdIsConstantThenLinearOverItsLastSteps) {
  const auto schedule = schedule_of("wsd");
  EXPECT_EQ(factor(schedule, 799), 1.0);
  EXPECT_DOUBLE_EQ(factor(schedule, 800), 1.0 - 0.9 / 200);
  EXPECT_DOUBLE_EQ(factor(schedule, 899), 0.55);
  EXPECT_DOUBLE_EQ(factor(schedule, kSteps - 1), 0.1);
}

TEST(Schedule, ALongerRunChangesNoEarlierStepOfConstantAndWsd) {
  for (const std::string kind : {"constant", "wsd"}) {
    const auto schedule = schedule_of(kind);
    for (int64_t step = 0; step < 800; ++step) {
      ASSERT_EQ(learning_rate_factor(schedule, step, kSteps),
                learning_rate_factor(schedule, step, 5 * kSteps))
          << kind << " " << step;
    }
  }
}

TEST(Schedule, StaysInRangeForRunsOfAnyLength) {
  for (const std::string kind : {"constant", "cosine", "wsd"}) {
    for (int64_t steps = 1; steps < 400; ++steps) {
      for (int64_t step = 0; step < steps; ++step) {
        const double value = learning_rate_factor(schedule_of(kind), step, steps);
        ASSERT_TRUE(value > 0 && value <= 1) << kind << " " << step << " of " << steps;
      }
    }
  }
}

}  // namespace
}  // namespace nextframe
