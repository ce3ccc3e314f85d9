#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "trainer/judge/step_judge.h"

namespace nextframe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

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
  for (const double value : {std::nan(""), kInfinity, -kInfinity}) {
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
