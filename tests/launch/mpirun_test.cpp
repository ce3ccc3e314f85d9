#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>

#include "launch/affinity.h"
#include "launch/error.h"
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

TEST(Mpirun, TheSupervisorIsNamedToTheRanksWithoutOptionX) {
  const auto words = mpirun_words({.supervisor = "host:1"}, {1}, {"nextframe", "train"});
  EXPECT_FALSE(contains(words, "-x"));
  const std::vector<std::string> last(words.end() - 4, words.end());
  EXPECT_EQ(last,
            (std::vector<std::string>{"env", "NEXTFRAME_SUPERVISOR=host:1", "nextframe", "train"}));
}

TEST(Mpirun, MoreRanksThanCoresAreAllowedOnThisMachineOnly) {
  const int64_t many = num_available_cores() + 1;
  EXPECT_TRUE(contains(mpirun_words({}, {many}, {"x"}), "--oversubscribe"));
  EXPECT_FALSE(contains(mpirun_words({.hosts = "a:4,b:4"}, {many}, {"x"}), "--oversubscribe"));
  EXPECT_FALSE(contains(mpirun_words({.is_slurm_job = true}, {many}, {"x"}), "--oversubscribe"));
  EXPECT_TRUE(contains(mpirun_words({.hosts = "a", .oversubscribe = true}, {many}, {"x"}),
                       "--oversubscribe"));
}

TEST(Mpirun, WhatTheUserHasSetIsLeftOut) {
  EXPECT_TRUE(contains(mpirun_words({}, {1}, {"x"}), "hwloc_base_binding_policy"));
  setenv("OMPI_MCA_hwloc_base_binding_policy", "core", 1);
  setenv("OMPI_MCA_btl", "tcp,self", 1);
  EXPECT_FALSE(contains(mpirun_words({}, {1}, {"x"}), "hwloc_base_binding_policy"));
  for (const auto& [name, value] : mpirun_variables({}, {1})) EXPECT_NE(name, "OMPI_MCA_btl");
  unsetenv("OMPI_MCA_hwloc_base_binding_policy");
  unsetenv("OMPI_MCA_btl");
}

TEST(Mpirun, MoreRanksThanSharedMemoryHoldsExchangeOverTcp) {
  constexpr int64_t kMany = int64_t{1} << 40;
  EXPECT_EQ(slow_exchange_notice({}, {1}), "");
  EXPECT_NE(slow_exchange_notice({}, {kMany}).find("over TCP instead"), std::string::npos);
  EXPECT_EQ(slow_exchange_notice({.hosts = "a:4"}, {kMany}), "");
  bool is_tcp = false;
  for (const auto& [name, value] : mpirun_variables({}, {kMany}))
    is_tcp = is_tcp || (name == "OMPI_MCA_btl" && value == "tcp,self");
  EXPECT_TRUE(is_tcp);
}

TEST(Mpirun, AFolderThatIsNotThereIsNamedBeforeItIsStarted) {
  setenv("TMPDIR", "/nowhere/at/all", 1);
  EXPECT_THROW(require_session_folder(), EnvironmentError);
  unsetenv("TMPDIR");
  EXPECT_NO_THROW(require_session_folder());
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
