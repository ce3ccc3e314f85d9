#include "data/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <set>
#include <vector>

namespace nextframe {
namespace {

TEST(PermutedIndex, IsABijectionForEverySize) {
  for (const int64_t size : {1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 1000, 10007, 65536}) {
    std::vector<bool> seen(static_cast<size_t>(size), false);
    for (int64_t i = 0; i < size; ++i) {
      const int64_t value = permuted_index(i, size, 42);
      ASSERT_TRUE(value >= 0 && value < size) << size;
      ASSERT_FALSE(seen[static_cast<size_t>(value)]) << size << " repeats " << value;
      seen[static_cast<size_t>(value)] = true;
    }
  }
}

TEST(PermutedIndex, HandlesTrillionsOfClips) {
  constexpr int64_t kSize = 3'000'000'000'001;
  std::set<int64_t> seen;
  for (int64_t i = 0; i < 1000; ++i) seen.insert(permuted_index(i, kSize, 7));
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_GT(*seen.rbegin(), kSize / 2);
}

TEST(PermutedIndex, LooksShuffled) {
  constexpr int64_t kSize = 10007;
  double product = 0;
  for (int64_t i = 0; i < kSize; ++i) {
    const double x = static_cast<double>(i) / kSize - 0.5;
    product += x * (static_cast<double>(permuted_index(i, kSize, 3)) / kSize - 0.5);
  }
  const double correlation = product / kSize * 12;
  EXPECT_LT(std::abs(correlation), 4 / std::sqrt(static_cast<double>(kSize)));
}

TEST(Sampler, EveryEpochHoldsEveryClipOnceInItsOwnOrder) {
  const Sampler sampler(101, 5);
  std::vector<std::vector<int64_t>> epochs(3);
  for (int64_t slot = 0; slot < 303; ++slot) {
    epochs[static_cast<size_t>(slot / 101)].push_back(sampler.clip_at(slot));
  }
  for (const auto& epoch : epochs) {
    EXPECT_EQ(std::set<int64_t>(epoch.begin(), epoch.end()).size(), 101U);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
}

TEST(Sampler, SeedsGiveDifferentOrders) {
  int same = 0;
  for (int64_t slot = 0; slot < 1000; ++slot) {
    same += Sampler(1000, 1).clip_at(slot) == Sampler(1000, 2).clip_at(slot);
  }
  EXPECT_LT(same, 10);
}

TEST(Sampler, DataThatGrowLeaveWhatWasDrawnAndBeginAnEpochOfAll) {
  const Sampler before(100, 7);
  const Sampler grown({{0, 100, 1}, {250, 160, 2}}, 7);
  for (int64_t slot = 0; slot < 250; ++slot) EXPECT_EQ(grown.clip_at(slot), before.clip_at(slot));
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    std::set<int64_t> clips;
    for (int64_t i = 0; i < 160; ++i) clips.insert(grown.clip_at(250 + epoch * 160 + i));
    EXPECT_EQ(clips.size(), 160U);
    EXPECT_EQ(*clips.rbegin(), 159);
  }
  EXPECT_EQ(grown.num_clips(), 160);
}

/// What replaces a clip that is left out must not depend on data that joined later.
TEST(Sampler, LaterEpochsOfASegmentAreItsOwn) {
  const Sampler before(100, 7);
  const Sampler grown({{0, 100, 1}, {250, 160, 2}}, 7);
  for (int64_t later = 0; later < 5; ++later) {
    EXPECT_EQ(grown.clip_at(249, later), before.clip_at(249 + later * 100));
    EXPECT_EQ(grown.clip_at(260, later), grown.clip_at(260 + later * 160));
  }
}

}  // namespace
}  // namespace nextframe
