#include "launch/node_grid.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

TEST(NodeGrid, NeighboursOnEquallyLargeHostsMakeAGrid) {
  const auto grid = make_node_grid({0, 0, 2, 2, 4, 4});
  EXPECT_EQ(grid.problem, "");
  EXPECT_EQ(grid.num_nodes, 3);
  EXPECT_EQ(grid.ranks_per_node, 2);
  EXPECT_EQ(grid.node(3), 1);
  EXPECT_EQ(grid.place(3), 1);
  EXPECT_TRUE(grid.has_two_levels());
}

TEST(NodeGrid, OneHostAndOneRankAHostHaveOneLevel) {
  for (const auto& hosts : {std::vector<int64_t>{0, 0, 0}, {0, 1, 2}, {0}}) {
    const auto grid = make_node_grid(hosts);
    EXPECT_EQ(grid.problem, "");
    EXPECT_EQ(grid.num_nodes * grid.ranks_per_node, static_cast<int64_t>(hosts.size()));
    EXPECT_FALSE(grid.has_two_levels());
  }
}

TEST(NodeGrid, UnevenHostsAreNamedAndMakeOneNode) {
  const auto grid = make_node_grid({0, 0, 2, 2, 4});
  EXPECT_NE(grid.problem.find("one host has ranks 0 to 1, another has rank 4; start"),
            std::string::npos)
      << grid.problem;
  EXPECT_EQ(grid.num_nodes, 1);
  EXPECT_EQ(grid.ranks_per_node, 5);
}

TEST(NodeGrid, RanksThatAreNotNeighboursAreNamed) {
  const auto grid = make_node_grid({0, 1, 0, 1});
  EXPECT_NE(grid.problem.find("rank 2 and the host's other ranks are not neighbours"),
            std::string::npos)
      << grid.problem;
  EXPECT_FALSE(grid.has_two_levels());
}

}  // namespace
}  // namespace nextframe
