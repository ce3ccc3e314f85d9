#include "trainer/records/stragglers.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

Stragglers four(int64_t num_grains = 8) { return {{"n0", "n1", "n2", "n3"}, {num_grains, 4}}; }

/// All lines of `steps` such steps, a second each, beginning with step `first`.
std::string run(Stragglers& stragglers, const std::vector<double>& busy_s, int64_t steps,
                int64_t first = 1) {
  std::string lines;
  for (int64_t step = first; step < first + steps; ++step) {
    const auto line = stragglers.add(busy_s, step, static_cast<double>(step));
    if (!line.empty()) lines += line + "\n";
  }
  return lines;
}

TEST(Stragglers, ARankThatIsSlowForTwentyStepsIsToldOnce) {
  auto stragglers = four();
  EXPECT_EQ(run(stragglers, {0.1, 0.1, 0.15, 0.1}, 24), "");
  EXPECT_EQ(run(stragglers, {0.1, 0.1, 0.15, 0.1}, 500, 25),
            "rank 2 on n2 is slower than the others: a grain takes it 1.5 times the median's own "
            "time\n");
}

TEST(Stragglers, ItIsToldAgainAfterAnHourAndWhenItIsOver) {
  auto stragglers = four();
  run(stragglers, {0.1, 0.1, 0.15, 0.1}, 3000);
  EXPECT_NE(run(stragglers, {0.1, 0.1, 0.15, 0.1}, 1000, 3001), "");
  EXPECT_EQ(run(stragglers, {0.1, 0.1, 0.1, 0.1}, 100, 4001),
            "rank 2 on n2 is no longer slower than the others\n");
}

TEST(Stragglers, SmallDifferencesAndMoreGrainsAreNoSlowness) {
  auto stragglers = four();
  EXPECT_EQ(run(stragglers, {0.1, 0.12, 0.11, 0.1}, 100), "");
  auto uneven = four(5);  // rank 3 has two grains, the others one
  EXPECT_EQ(run(uneven, {0.1, 0.1, 0.1, 0.2}, 100), "");
}

TEST(Stragglers, ARankThatStoodStillIsNamedAtOnceAndNotCalledSlow) {
  auto stragglers = four();
  run(stragglers, {0.05, 0.05, 0.05, 0.05}, 50);
  EXPECT_EQ(run(stragglers, {0.05, 3.1, 0.05, 0.05}, 1, 118),
            "rank 1 on n1 stood still: in step 118 it took 3.1 s of its own, the others 0.05 s\n");
  EXPECT_EQ(run(stragglers, {0.05, 0.05, 0.05, 0.05}, 100, 119), "");
}

TEST(Stragglers, OfTwoRanksOneCanBeSlow) {
  Stragglers stragglers({"n0", "n1"}, {8, 2});
  EXPECT_NE(run(stragglers, {0.1, 0.2}, 30).find("rank 1 on n1 is slower"), std::string::npos);
}

TEST(Stragglers, TimesAreMeansSinceTheLastRecord) {
  auto stragglers = four();
  stragglers.add({1, 2, 3, 4}, 1, 1);
  stragglers.add({3, 2, 5, 4}, 2, 2);
  const auto times = stragglers.take();
  EXPECT_EQ(times.min_s, 2);
  EXPECT_EQ(times.median_s, 2);
  EXPECT_EQ(times.max_s, 4);
  EXPECT_EQ(times.slowest_rank, 2);
  EXPECT_EQ(stragglers.take().max_s, 0);
  EXPECT_EQ(Stragglers({"n0"}, {8, 1}).add({5}, 1, 1), "");
}

}  // namespace
}  // namespace nextframe
