#include "launch/affinity.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <thread>

namespace nextframe {
namespace {

TEST(CpuList, ReadsTheKernelsWay) {
  EXPECT_EQ(parse_cpu_list("0-3,8,10-11"), (std::vector<int>{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(parse_cpu_list("5\n"), (std::vector<int>{5}));
  EXPECT_TRUE(parse_cpu_list("").empty());
  EXPECT_TRUE(parse_cpu_list("none").empty());
}

TEST(CpuShare, CoversEveryCpuOnce) {
  std::vector<int> cpus(13);
  std::iota(cpus.begin(), cpus.end(), 4);
  std::vector<int> joined;
  for (int64_t sharer = 0; sharer < 5; ++sharer) {
    const auto share = cpu_share(cpus, sharer, 5);
    EXPECT_GE(share.size(), 2u);
    joined.insert(joined.end(), share.begin(), share.end());
  }
  EXPECT_EQ(joined, cpus);
}

TEST(CpuShare, IsEverythingForMoreSharersThanCpus) {
  EXPECT_EQ(cpu_share({0, 1}, 2, 3), (std::vector<int>{0, 1}));
}

TEST(Affinity, AThreadBoundToOneCpuGetsItsShareBack) {
  const auto available = available_cpus("");
  EXPECT_EQ(std::set<int>(available.begin(), available.end()).size(), available.size());
  ASSERT_FALSE(available.empty());
  int64_t widened = 0, kept = 0;
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(available.front(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(available_cpus(""), available);  // bound, but allowed more
    widened = widen_affinity(available);
    kept = widen_affinity({available.front()});  // already wide: stays
  }).join();
  EXPECT_EQ(widened, static_cast<int64_t>(available.size()));
  EXPECT_EQ(kept, widened);
}

TEST(Affinity, ListsAreWrittenAsTheyAreRead) {
  for (const char* text : {"", "3", "0-3,8,10-11"})
    EXPECT_EQ(to_cpu_list(parse_cpu_list(text)), text);
}

}  // namespace
}  // namespace nextframe
