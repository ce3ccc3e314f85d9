// The strict sum on two levels over MPI: communicators with threads of their own that wait for each
// other.
#include <gtest/gtest.h>

#include "kernels/torch.h"
#include "launch/mpi/mpi_communicator.h"
#include "launch/node_grid.h"
#include "trainer/parallel/ddp.h"
#include "trainer/parallel/tree_reduce.h"

namespace nextframe {
namespace {

at::Tensor gradient(int64_t grain, int64_t elements) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(grain));
  return at::randn({elements}, generator) * std::pow(10.0, grain % 5);
}

at::Tensor sum(const ProcessGroups& groups, const std::vector<at::Tensor>& gradients) {
  DdpSync sync(groups, static_cast<int64_t>(gradients.size()), true);
  at::Tensor result;
  for (int step = 0; step < 2; ++step) {  // the second one on reused buffers
    for (int64_t grain = sync.first_grain(); grain < sync.last_grain(); ++grain)
      sync.begin(grain), sync.add(grain, gradients[static_cast<size_t>(grain)]);
    result = sync.finish().clone();
  }
  return result;
}

TEST(NodeExchangeOverMpi, TwoLevelsHaveTheBitsOfALoneRank) {
  const auto all = make_mpi_communicator();
  if (all->size() % 2 != 0) return;
  const int64_t node = all->rank() / 2, place = all->rank() % 2;
  const auto inside = make_mpi_communicator(nullptr, node);
  const auto across = make_mpi_communicator(nullptr, place);
  const auto back = make_mpi_communicator(nullptr, node);
  if (across->size() == 1) return;
  const ProcessGroups levels{*all, *inside, *across, *back},
      shared{*all, *inside, *across, *inside};
  const auto alone = make_solo_communicator();
  for (const int64_t elements : {1, 1003, (5 << 18) + 37}) {  // the last in two pieces
    for (const int64_t num_grains : {4, 6}) {  // a machine makes one node of the tree, or several
      std::vector<at::Tensor> gradients;
      for (int64_t grain = 0; grain < num_grains; ++grain)
        gradients.push_back(gradient(grain, elements));
      const auto expected = sum(*alone, gradients);
      for (const auto& groups : {levels, shared})
        EXPECT_TRUE(at::equal(sum(groups, gradients), expected)) << num_grains << " " << elements;
      EXPECT_TRUE(at::equal(sum(*all, gradients), expected)) << "one level";
    }
  }
}

}  // namespace
}  // namespace nextframe
