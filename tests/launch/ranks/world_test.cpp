#include "launch/world.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cstdlib>
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
