#include "launch/world.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "launch/environment.h"
#include "launch/error.h"
#include "tests/launch/ranks/session.h"

namespace nextframe {
namespace {

int64_t launched_size() { return std::stoll(std::getenv("OMPI_COMM_WORLD_SIZE")); }

TEST(World, KnowsItsPlaceAmongTheRanks) {
  const World world(session(), {"cpu", 1});
  EXPECT_EQ(world.size(), launched_size());
  EXPECT_EQ(world.rank(), read_launcher_environment().rank);
  EXPECT_EQ(world.local_size(), world.size());  // one host
  EXPECT_EQ(world.local_rank(), world.rank());
  EXPECT_EQ(world.host(), host_name());
  EXPECT_EQ(world.is_root(), world.rank() == 0);
  EXPECT_TRUE(world.device().is_cpu());
}

TEST(World, SetsTheThreadsOfLibTorch) {
  const World two(session(), {"cpu", 2});
  EXPECT_EQ(at::get_num_threads(), 2);
  const World one(session(), {"cpu", 1});
  EXPECT_EQ(at::get_num_threads(), 1);
}

TEST(World, CommunicatorsSpanAllRanks) {
  const World world(session(), {"cpu", 1});
  for (const auto& all : {world.make_host_communicator(), world.make_device_communicator()}) {
    const auto tensor = at::ones({4});
    all->all_reduce(tensor).wait();
    EXPECT_EQ(all->size(), world.size());
    EXPECT_EQ(all->rank(), world.rank());
    EXPECT_EQ(tensor[3].item<float>(), static_cast<float>(world.size()));
  }
}

TEST(World, GroupsAreTheRanksOfANodeAndThoseAtOnePlace) {
  setenv("NEXTFRAME_TEST_RANKS_PER_NODE", "2", 1);
  const World world(session(), {"cpu", 1});
  unsetenv("NEXTFRAME_TEST_RANKS_PER_NODE");
  if (world.size() == 3) {
    EXPECT_NE(world.nodes().problem.find("ranks 0 to 1, another has rank 2"), std::string::npos);
    return;
  }
  EXPECT_EQ(world.nodes().problem, "");
  EXPECT_EQ(world.nodes().num_nodes, (world.size() + 1) / 2);
  const int64_t node = world.rank() / 2, place = world.rank() % 2;
  const auto inside = world.make_device_communicator("gradients", RankGroup::intra_node);
  const auto across = world.make_device_communicator("gradients", RankGroup::inter_node);
  EXPECT_EQ(inside->rank(), place);
  EXPECT_EQ(inside->size(), std::min<int64_t>(world.size(), 2));
  EXPECT_EQ(across->rank(), node);
  EXPECT_EQ(across->size(), world.nodes().num_nodes);
  const auto gathered = [&](Communicator& group) {
    const auto mine = at::full({1}, world.rank(), at::kLong);
    const auto all = at::empty({group.size()}, at::kLong);
    group.all_gather(mine, all).wait();
    return all;
  };
  const int64_t first = node * 2, end = place + across->size() * 2;
  EXPECT_TRUE(at::equal(gathered(*inside), at::arange(first, first + inside->size(), at::kLong)));
  EXPECT_TRUE(at::equal(gathered(*across), at::arange(place, end, 2, at::kLong)));
  if (world.size() == 1) return;
  const auto name = "gradients in node " + std::to_string(node);
  EXPECT_EQ(world.flight_log()->find(name)->num_ranks(), 2);
  EXPECT_EQ(world.flight_log()->find_all("gradients").size(), 2u);
  const auto wrong = [&] { inside->all_reduce(at::zeros({4}, at::kHalf)); };
  try {
    wrong();
    FAIL() << "half is no type of a collective";
  } catch (const std::invalid_argument& error) {  // the rank's number in the job
    const auto who = "rank " + std::to_string(world.rank()) + " on ";
    EXPECT_NE(std::string(error.what()).find(who), std::string::npos) << error.what();
  }
}

TEST(World, MissingGpuIsAnErrorOnEveryRank) {
  if (World(session(), {"auto", 1}).device().is_cuda()) GTEST_SKIP() << "there is a GPU";
  EXPECT_THROW(World(session(), {"cuda", 1}), EnvironmentError);
}

TEST(World, ProcessNameIsRankAndHost) {
  const World world(session(), {"cpu", 1});
  EXPECT_EQ(process_name(), "rank " + std::to_string(world.rank()) + " on " + host_name());
}

}  // namespace
}  // namespace nextframe
