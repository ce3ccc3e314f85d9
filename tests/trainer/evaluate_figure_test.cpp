#include <gtest/gtest.h>

#include <cmath>

#include "trainer/evaluate/figure.h"

namespace nextframe {
namespace {

double mean_of(const Sums& s) { return ratio(s[0], s[1]); }

TEST(Figure, ValueIsTheRatioOfSums) {
  const auto figure = Bootstrap(0).figure({{2, 1}, {10, 3}}, mean_of);
  EXPECT_DOUBLE_EQ(figure.value, 3.0);
  EXPECT_EQ(figure.n, 2);
  EXPECT_DOUBLE_EQ(figure.low, 2.0);  // the first episode drawn twice, one time in four
  EXPECT_DOUBLE_EQ(figure.high, 10.0 / 3.0);
}

TEST(Figure, IntervalOfAMeanIsThatOfTheCentralLimit) {
  std::vector<Sums> episodes;
  for (int i = 0; i < 400; ++i) episodes.push_back({static_cast<double>(i % 2), 1});
  const auto figure = Bootstrap(0).figure(episodes, mean_of);
  EXPECT_DOUBLE_EQ(figure.value, 0.5);
  const double half_width = 1.96 * 0.5 / std::sqrt(400.0);
  EXPECT_NEAR(figure.low, 0.5 - half_width, 0.006);
  EXPECT_NEAR(figure.high, 0.5 + half_width, 0.006);
}

TEST(Figure, OneSeedGivesTheSameBitsAndAnotherSeedOthers) {
  std::vector<Sums> episodes;
  for (int i = 0; i < 50; ++i) episodes.push_back({std::sin(i), 1});
  const auto once = Bootstrap(7).figure(episodes, mean_of);
  const auto again = Bootstrap(7).figure(episodes, mean_of);
  EXPECT_EQ(once.low, again.low);
  EXPECT_EQ(once.high, again.high);
  EXPECT_NE(once.low, Bootstrap(8).figure(episodes, mean_of).low);
}

TEST(Figure, NoEpisodesGiveNoValue) {
  const auto figure = Bootstrap(0).figure({}, mean_of);
  EXPECT_EQ(figure.n, 0);
  EXPECT_TRUE(std::isnan(figure.value));
}

TEST(Figure, NothingOverNothingIsEquallyGood) {
  EXPECT_EQ(ratio(0, 0), 1.0);
  EXPECT_TRUE(std::isinf(ratio(1, 0)));
}

}  // namespace
}  // namespace nextframe
