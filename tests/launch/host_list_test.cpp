#include "launch/supervise/host_list.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

using Hosts = std::vector<Host>;

TEST(HostList, AListIsReadAsMpirunReadsIt) {
  EXPECT_EQ(parse_host_list("a:8,b"), (Hosts{{"a", 8}, {"b", 1}}));
  EXPECT_EQ(parse_host_list("a:2,b:2,a:2"), (Hosts{{"a", 4}, {"b", 2}}));
  EXPECT_EQ(to_host_list({{"a", 8}, {"b", 1}}), "a:8,b:1");
  EXPECT_EQ(count_slots({{"a", 8}, {"b", 1}}), 9);
}

TEST(HostList, WhatOnlyMpirunUnderstandsIsLeftToIt) {
  for (const char* text : {"", "a:*", "+n0", "a:2,", "a:0", "a:x"})
    EXPECT_TRUE(parse_host_list(text).empty()) << text;
}

TEST(HostList, AHostFileNeedsSlotsOnEveryLine) {
  EXPECT_EQ(parse_host_file("# ours\n\na slots=4 max_slots=8\nb.example slots=2 # new\n"),
            (Hosts{{"a", 4}, {"b.example", 2}}));
  EXPECT_TRUE(parse_host_file("a slots=4\nb\n").empty());
}

TEST(HostList, SlurmWritesRangesAndRepetitions) {
  EXPECT_EQ(parse_slurm_hosts("node[08-10,2],login", "8(x3),4,1"),
            (Hosts{{"node08", 8}, {"node09", 8}, {"node10", 8}, {"node2", 4}, {"login", 1}}));
  EXPECT_EQ(parse_slurm_hosts("r[1-2]n[1-2]-ib", "2(x4)"),
            (Hosts{{"r1n1-ib", 2}, {"r1n2-ib", 2}, {"r2n1-ib", 2}, {"r2n2-ib", 2}}));
  EXPECT_EQ(parse_slurm_hosts("node7", "2"), (Hosts{{"node7", 2}}));
}

TEST(HostList, SlurmsNodesWithoutTheirTasksAreNoHosts) {
  for (const auto& [nodes, tasks] : {std::pair{"node[1-3]", "8"}, std::pair{"", ""},
                                     std::pair{"node[3-1]", "8(x3)"}, std::pair{"node[1", "8"}})
    EXPECT_TRUE(parse_slurm_hosts(nodes, tasks).empty()) << nodes;
}

TEST(HostList, AHostIsTheSameWithItsDomain) {
  EXPECT_TRUE(is_same_host("node07", "node07.cluster.example"));
  EXPECT_FALSE(is_same_host("node07", "node070"));
}

}  // namespace
}  // namespace nextframe
