#include "kernels/base/fixed_tree.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace nextframe {
namespace {

/// Leaves whose float sum shows the order in which they were added.
float leaf_value(int64_t leaf) {
  return std::ldexp(1.0f + 0.37f * static_cast<float>(leaf % 7),
                    static_cast<int>(leaf * 5 % 23) - 11);
}

float add(float left, float right) { return left + right; }

/// Each rank folds the leaves it owns; the nodes that are left are folded in order of rank.
float folded_by(int64_t num_leaves, int64_t world_size) {
  auto root = make_tree_fold<float>(num_leaves, add);
  for (int64_t rank = 0; rank < world_size; ++rank) {
    const auto [first, last] = owned_leaves(num_leaves, rank, world_size);
    auto local = make_tree_fold<float>(num_leaves, add);
    for (int64_t leaf = first; leaf < last; ++leaf) local.push({0, leaf}, leaf_value(leaf));
    for (auto& [node, value] : local.take()) root.push(node, value);
  }
  const auto nodes = root.take();
  EXPECT_EQ(nodes.size(), 1u) << num_leaves << " leaves, " << world_size << " ranks";
  return nodes.front().second;
}

TEST(FixedTree, SumsToTheSameBitsOnAnyNumberOfRanks) {
  for (int64_t num_leaves = 1; num_leaves <= 33; ++num_leaves) {
    const float alone = folded_by(num_leaves, 1);
    for (int64_t world_size = 2; world_size <= num_leaves; ++world_size) {
      EXPECT_EQ(folded_by(num_leaves, world_size), alone)
          << num_leaves << " leaves, " << world_size << " ranks";
    }
  }
}

TEST(FixedTree, LeavesShowTheOrderOfTheirSum) {
  float in_a_row = leaf_value(0);
  for (int64_t leaf = 1; leaf < 33; ++leaf) in_a_row += leaf_value(leaf);
  EXPECT_NE(in_a_row, folded_by(33, 1));
}

/// The definition, written without a stack.
std::string node_by_definition(int64_t num_leaves, int64_t level, int64_t index) {
  if (level == 0) return std::to_string(index);
  const int64_t right = 2 * index + 1;
  const int64_t width = (num_leaves + (int64_t{1} << (level - 1)) - 1) >> (level - 1);
  const auto left_node = node_by_definition(num_leaves, level - 1, 2 * index);
  if (right >= width) return left_node;
  return "(" + left_node + "+" + node_by_definition(num_leaves, level - 1, right) + ")";
}

TEST(FixedTree, IsTheTreeOfItsDefinition) {
  for (int64_t num_leaves = 1; num_leaves <= 33; ++num_leaves) {
    const auto join = [](const std::string& left, const std::string& right) {
      return "(" + left + "+" + right + ")";
    };
    auto fold = make_tree_fold<std::string>(num_leaves, join);
    for (int64_t leaf = 0; leaf < num_leaves; ++leaf) fold.push({0, leaf}, std::to_string(leaf));
    int64_t height = 0;
    while ((int64_t{1} << height) < num_leaves) ++height;
    EXPECT_EQ(fold.take().front().second, node_by_definition(num_leaves, height, 0));
  }
}

TEST(FixedTree, RanksOwnEveryLeafOnce) {
  for (int64_t num_leaves = 1; num_leaves <= 33; ++num_leaves) {
    for (int64_t world_size = 1; world_size <= num_leaves; ++world_size) {
      int64_t expected = 0;
      for (int64_t rank = 0; rank < world_size; ++rank) {
        const auto [first, last] = owned_leaves(num_leaves, rank, world_size);
        EXPECT_EQ(first, expected);
        EXPECT_GT(last, first);
        expected = last;
      }
      EXPECT_EQ(expected, num_leaves);
    }
  }
}

TEST(FixedTree, MaximalNodesAreWhatARankFinishesAlone) {
  EXPECT_EQ(maximal_nodes(8, 0, 8), (std::vector<TreeNode>{{3, 0}}));
  EXPECT_EQ(maximal_nodes(8, 2, 5), (std::vector<TreeNode>{{1, 1}, {0, 4}}));
  EXPECT_EQ(maximal_nodes(5, 4, 5),
            (std::vector<TreeNode>{{2, 1}}));  // copied up to the root's side
}

TEST(FixedTree, AnAbsentLeafIsNotAnAddedZero) {
  const auto fold = [](const std::vector<double>& leaves) { return tree_sum(leaves); };
  EXPECT_TRUE(std::signbit(fold({-0.0})));
  EXPECT_TRUE(std::signbit(fold({-0.0, -0.0, -0.0})));
  EXPECT_EQ(fold({}), 0.0);
  EXPECT_EQ(fold({1, 2, 3, 4, 5}), 15.0);
}

}  // namespace
}  // namespace nextframe
