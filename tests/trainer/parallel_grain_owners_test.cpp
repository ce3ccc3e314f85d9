#include <gtest/gtest.h>

#include <vector>

#include "trainer/parallel/grain_owners.h"

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

TEST(GrainOwners, OnNodesEveryNodeDealsNeighboursToItsRanks) {
  for (const auto& [nodes, ranks_per_node] : {std::pair<int64_t, int64_t>{2, 2}, {3, 2}, {2, 3}}) {
    const int64_t num_ranks = nodes * ranks_per_node;
    for (int64_t num_grains = num_ranks; num_grains < 30; ++num_grains) {
      const GrainOwners owners{num_grains, num_ranks, true, nodes};
      std::vector<int64_t> seen;
      for (int64_t node = 0; node < nodes; ++node) {
        EXPECT_EQ(owners.node_grains(node).first, static_cast<int64_t>(seen.size()));
        for (int64_t i = 0; i < owners.num_rounds(); ++i) {
          for (int64_t place = 0; place < ranks_per_node; ++place) {
            const int64_t rank = node * ranks_per_node + place, grain = owners.grain(rank, i);
            EXPECT_EQ(grain < num_grains, i < owners.count(rank));
            if (grain == num_grains) continue;
            EXPECT_EQ(owners.rank_of(grain), rank);
            seen.push_back(grain);  // a round after another, ascending
          }
        }
      }
      ASSERT_EQ(seen.size(), static_cast<size_t>(num_grains));
      for (int64_t grain = 0; grain < num_grains; ++grain)
        EXPECT_EQ(seen[static_cast<size_t>(grain)], grain);
    }
  }
}

}  // namespace
}  // namespace nextframe
