#include "trainer/grain_owners.h"

#include <gtest/gtest.h>

#include <vector>

namespace nextframe {
namespace {

TEST(GrainOwners, EveryGrainHasOneOwnerAndAllRanksPassEveryRound) {
  for (const bool is_dealt : {false, true}) {
    for (int64_t num_grains = 1; num_grains < 20; ++num_grains) {
      for (int64_t num_ranks = 1; num_ranks <= num_grains; ++num_ranks) {
        const GrainOwners owners{num_grains, num_ranks, is_dealt};
        std::vector<int> times(static_cast<size_t>(num_grains));
        for (int64_t rank = 0; rank < num_ranks; ++rank) {
          for (int64_t i = 0; i < owners.count(rank); ++i) {
            const int64_t grain = owners.grain(rank, i);
            EXPECT_EQ(owners.rank_of(grain), rank);
            EXPECT_LT(grain, owners.end(rank));
            ++times[static_cast<size_t>(grain)];
          }
          EXPECT_LE(owners.count(rank), owners.num_rounds());
          if (!is_dealt) continue;
          EXPECT_EQ(owners.num_passes(rank), owners.num_rounds());
          for (int64_t i = owners.count(rank); i < owners.num_passes(rank); ++i)
            EXPECT_GE(owners.grain(rank, i), num_grains);
        }
        EXPECT_EQ(times, std::vector<int>(times.size(), 1)) << num_grains << " " << num_ranks;
      }
    }
  }
}

}  // namespace
}  // namespace nextframe
