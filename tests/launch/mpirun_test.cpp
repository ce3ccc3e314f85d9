#include <gtest/gtest.h>

#include <algorithm>

#include "launch/affinity.h"
#include "launch/supervise/mpirun_job.h"

namespace nextframe {
namespace {

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

TEST(Mpirun, APartitionIsBoundedAndTheCommandComesLast) {
  const auto words = mpirun_words({}, {.num_ranks = 1}, {"nextframe", "train", "run.yaml"});
  EXPECT_EQ(words.front(), "mpirun");
  EXPECT_EQ(words.back(), "run.yaml");
  for (const char* name :
       {"oob_tcp_keepalive_time", "oob_tcp_keepalive_intvl", "oob_tcp_keepalive_probes"}) {
    EXPECT_TRUE(contains(words, name));
  }
  EXPECT_FALSE(contains(words, "--oversubscribe"));
}

TEST(Mpirun, MoreRanksThanCoresAreAllowedOnThisMachineOnly) {
  const int64_t many = num_available_cores() + 1;
  EXPECT_TRUE(contains(mpirun_words({}, {many}, {"x"}), "--oversubscribe"));
  EXPECT_FALSE(contains(mpirun_words({.hosts = "a:4,b:4"}, {many}, {"x"}), "--oversubscribe"));
  EXPECT_FALSE(contains(mpirun_words({.is_slurm_job = true}, {many}, {"x"}), "--oversubscribe"));
  EXPECT_TRUE(contains(mpirun_words({.hosts = "a", .oversubscribe = true}, {many}, {"x"}),
                       "--oversubscribe"));
}

TEST(Mpirun, HostsAreAListUnlessTheyAreAFile) {
  EXPECT_TRUE(contains(mpirun_words({.hosts = "a:4,b:4"}, {8}, {"x"}), "--host"));
  EXPECT_TRUE(contains(mpirun_words({.hosts = "/etc/hosts"}, {8}, {"x"}), "--hostfile"));
}

TEST(Mpirun, HostsOfAPlacementStandForTheGivenOnes) {
  const auto words =
      mpirun_words({.hosts = "a:4,b:4,c:4"}, {8, {{"a", 4}, {"c", 4}}, {}}, {"nextframe"});
  EXPECT_TRUE(contains(words, "a:4,c:4"));
  EXPECT_FALSE(contains(words, "a:4,b:4,c:4"));
}

}  // namespace
}  // namespace nextframe
