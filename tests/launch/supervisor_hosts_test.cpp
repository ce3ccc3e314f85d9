#include <gtest/gtest.h>

#include "tests/launch/supervised_scene.h"

namespace nextframe {
namespace {

std::string killed_on(const std::string& host) {
  return "mpirun noticed that process rank 2 with PID 8 on node " + host +
         " exited on signal 9 (Killed).\n";
}

SupervisorLimits three_hosts(int64_t ranks, int64_t min_ranks) {
  return {.num_ranks = ranks,
          .min_ranks = min_ranks,
          .hosts = {{"a", 2}, {"b", 2}, {"c", 2}},
          .this_host = "a"};
}

TEST(Supervisor, ASpareTakesThePlaceOfAHostThatFailsTwice) {
  Scene scene(three_hosts(4, 4));
  scene.job.words = killed_on("b");
  scene.fail(137);
  EXPECT_FALSE(scene.has_said("left out"));
  scene.fail(137);
  EXPECT_EQ(scene.job.hosts, (std::vector<std::string>{"a:2,b:2", "a:2,b:2", "a:2,c:2"}));
  EXPECT_EQ(scene.job.starts.back(), 4);
  EXPECT_TRUE(scene.has_said("b is left out for 600.0 s: 2 failures are laid to it")) << scene.said;
}

TEST(Supervisor, ACommitBetweenTwoFailuresForgivesTheFirst) {
  Scene scene(three_hosts(4, 4));
  scene.job.words = killed_on("b");
  for (int i = 0; i < 4; ++i) {
    scene.step += 4;
    scene.fail(137);
  }
  EXPECT_EQ(scene.job.hosts.back(), "a:2,b:2");
}

TEST(Supervisor, WithoutASpareItGoesOnWithFewerRanksAndTheHostComesBackAfterTenMinutes) {
  Scene scene(three_hosts(6, 2));
  scene.job.words = killed_on("c");
  scene.fail(137);
  scene.fail(137);
  EXPECT_EQ(scene.job.hosts.back(), "a:2,b:2");
  EXPECT_EQ(scene.job.starts.back(), 4);
  EXPECT_TRUE(scene.has_said("4 of 6 ranks, on a:2,b:2")) << scene.said;
  scene.job.words.clear();
  scene.step += 4;
  scene.pass(400);
  EXPECT_EQ(scene.job.starts.size(), 3) << "a job that runs is not disturbed";
  scene.fail(137);
  EXPECT_EQ(scene.job.starts.back(), 4);
  scene.pass(100);
  scene.step += 4;
  scene.fail(137);
  EXPECT_EQ(scene.job.hosts.back(), "a:2,b:2,c:2");
  EXPECT_EQ(scene.job.starts.back(), 6);
}

TEST(Supervisor, AHostWithoutWhichTheRanksDoNotFitIsKept) {
  Scene scene(three_hosts(6, 5));
  scene.job.words = killed_on("c");
  for (int i = 0; i < 3; ++i) scene.fail(137);
  EXPECT_EQ(scene.job.hosts.back(), "a:2,b:2,c:2");
  EXPECT_TRUE(scene.has_said("c is needed for 5 ranks")) << scene.said;
}

TEST(Supervisor, ARankThatStandsStillIsLaidToThisHost) {
  Scene scene(three_hosts(4, 2));
  for (int i = 0; i < 2; ++i) {
    scene.job.is_rank_lost = true;
    scene.pass(1);
    scene.pass(31);
    scene.job.is_rank_lost = false;
    scene.pass(60);
  }
  EXPECT_EQ(scene.job.hosts.back(), "b:2,c:2");
}

TEST(Supervisor, RanksOfThisHostThatMpirunEndsBecauseOfAnotherAreNoFaultOfThisHost) {
  Scene scene(three_hosts(6, 2));
  scene.job.words = killed_on("c");
  for (int i = 0; i < 2; ++i) {
    scene.job.is_rank_lost = true;
    scene.pass(1);
    scene.end_with(137);
    scene.job.is_rank_lost = false;
    scene.pass(60);
  }
  EXPECT_EQ(scene.job.hosts.back(), "a:2,b:2");
}

TEST(Supervisor, HostsAreNotedWithEveryStart) {
  Scene scene(three_hosts(4, 4));
  scene.job.words = killed_on("b");
  scene.fail(137);
  scene.fail(137);
  ASSERT_EQ(scene.events.size(), 5);
  EXPECT_EQ(scene.events[1].blamed, std::vector<std::string>{"b"});
  EXPECT_EQ(to_host_list(scene.events[4].place.hosts), "a:2,c:2");
  ASSERT_EQ(scene.events[4].place.left_out.size(), 1);
  EXPECT_EQ(scene.events[4].place.left_out[0].name, "b");
  EXPECT_EQ(scene.events[4].place.left_out[0].why, "exit code 137 (SIGKILL)");
}

}  // namespace
}  // namespace nextframe
