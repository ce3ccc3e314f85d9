#include "trainer/records/step_statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/torch.h"
#include "tests/trainer/thread_world.h"

namespace nextframe {
namespace {

constexpr int64_t kStatisticsGrains = 5;

/// Grain g has loss sum g (NaN for grain 3), weight 2 and the clips 10 g and 10 g + 1.
void add_own_grains(StepStatistics& statistics, const GrainOwners& grains, int64_t rank) {
  for (int64_t i = 0; i < grains.count(rank); ++i) {
    const int64_t grain = grains.grain(rank, i);
    const double loss = grain == 3 ? std::nan("") : static_cast<double>(grain);
    statistics.add({at::tensor(loss), at::tensor(2.0), {{"error", at::tensor(1.0)}}},
                   at::tensor({10 * grain, 10 * grain + 1}));
  }
}

TEST(StepStatistics, OneBadGrainIsBadForEveryRankAndIsNamed) {
  for (const int64_t number : {1, 2, 3, 12, 13}) {  // above 10: grains are dealt
    const GrainOwners grains{kStatisticsGrains, number % 10, number > 10};
    run_ranks(grains.num_ranks, [&](Communicator& world) {
      StepStatistics statistics(world, grains);
      for (int step = 0; step < 2; ++step) {
        add_own_grains(statistics, grains, world.rank());
        const auto totals = statistics.finish({});
        EXPECT_TRUE(std::isnan(totals.loss()));
        EXPECT_EQ(totals.sums.at("error"), kStatisticsGrains);
        ASSERT_EQ(totals.grain_loss_sums.size(), 5U);
        EXPECT_TRUE(std::isnan(totals.grain_loss_sums[3]));
        EXPECT_EQ(totals.grain_loss_sums[4], 4);
        const auto ids = statistics.sample_ids();
        ASSERT_EQ(ids.size(), 5U);
        EXPECT_EQ(ids[3], (std::vector<int64_t>{30, 31}));
        EXPECT_EQ(ids[4], (std::vector<int64_t>{40, 41}));
      }
    });
  }
}

TEST(StepStatistics, OneRankWithoutItsDataMakesTheStepVoidForAll) {
  run_ranks(3, [](Communicator& world) {
    const GrainOwners grains{kStatisticsGrains, world.size()};
    StepStatistics statistics(world, grains);
    for (const int64_t missing : {-1, 0, 2, -1}) {
      add_own_grains(statistics, grains, world.rank());
      EXPECT_EQ(statistics.finish({.has_real_grains = world.rank() != missing}).is_complete,
                missing == -1);
    }
  });
}

TEST(StepStatistics, TheRootsNumberIsEverybodys) {
  run_ranks(3, [](Communicator& world) {
    EXPECT_EQ(root_number(world, 0.5 + static_cast<double>(world.rank())), 0.5);
  });
}

}  // namespace
}  // namespace nextframe
