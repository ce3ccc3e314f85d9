#include <gtest/gtest.h>

#include "kernels/torch.h"
#include "tests/trainer/thread_world.h"
#include "trainer/parallel/tree_reduce.h"

namespace nextframe {
namespace {

TEST(TreeReduce, ANodeThatOwnsASubtreePutsInOneNodeAndElseAsFewAsTheTreeAllows) {
  run_nodes(2, 2, [](const ProcessGroups& groups) {
    EXPECT_EQ(tree_reduce_in_group(groups, 8).result().size(), 1u);
    EXPECT_EQ(tree_reduce_in_group(groups, 8).num_received_nodes(), 1);
    // Six grains: the first node has 0 to 2, the second 3 to 5.
    const auto uneven = tree_reduce_in_group(groups, 6).result();
    const auto expected = groups.node() == 0 ? std::vector<TreeNode>{{1, 0}, {0, 2}}
                                             : std::vector<TreeNode>{{0, 3}, {2, 1}};
    EXPECT_EQ(uneven, expected);
    const auto across = tree_reduce_across_nodes(groups, 6);
    EXPECT_EQ(across->result(), (std::vector<TreeNode>{{3, 0}}));
    EXPECT_EQ(across->num_received_nodes(), 2);
  });
}

TEST(TreeReduce, OnOneLevelThereIsNothingAcross) {
  run_ranks(3, [](Communicator& world) {
    EXPECT_FALSE(tree_reduce_across_nodes(world, 8).has_value());
    EXPECT_EQ(tree_reduce_in_group(world, 8).result(), (std::vector<TreeNode>{{3, 0}}));
  });
}

/// Rank 0 puts in grain 1 and rank 1 grain 0: neither is in the order of ranks.
TEST(TreeReduce, RowsAreFoldedInTheTreesOrder) {
  run_ranks(2, [](Communicator& world) {
    const TreeReduce exchange(world, 4, {{{0, 1}, {1, 1}}, {{0, 0}}});
    const double big = 1e8;  // (1 + 1e8) - 1e8 is not 1 + (1e8 - 1e8)
    std::vector<at::Tensor> mine = {at::full({2}, big), at::full({2}, -big)};
    if (world.rank() == 1) mine = {at::ones({2})};
    auto sum = at::zeros({1});
    std::vector<Ticket> tickets;
    exchange.start([&](size_t node, int64_t to) { return mine[node].narrow(0, to, 1); },
                   at::empty({exchange.num_received_nodes(), 1}), {sum}, tickets);
    for (const auto& ticket : tickets) ticket.wait();
    EXPECT_EQ(sum.item<float>(), (1.0f + static_cast<float>(big)) - static_cast<float>(big));
  });
}

}  // namespace
}  // namespace nextframe
