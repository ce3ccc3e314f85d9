#include "launch/supervisor.h"

#include <gtest/gtest.h>

#include <csignal>
#include <vector>

namespace nextframe {
namespace {

struct FakeJob : SupervisedJob {
  void start(const Placement& placement) override {
    starts.push_back(placement.num_ranks);
    hosts.push_back(to_host_list(placement.hosts));
  }
  void ask_to_save() override { ++requests; }
  void kill() override { ++kills; }
  bool has_lost_a_rank() override { return is_rank_lost; }
  bool lacked_slots() const override { return starts.back() > num_slots; }
  std::string last_words() const override { return words; }

  std::vector<int64_t> starts;
  std::vector<std::string> hosts;  // of each start
  std::string words;
  int64_t num_slots = 1000;
  int requests = 0, kills = 0;
  bool is_rank_lost = false;
};

/// A supervisor over a fake job, at a time that only moves when told.
struct Scene {
  explicit Scene(SupervisorLimits limits = {.num_ranks = 4, .min_ranks = 4}, int64_t first_step = 0)
      : step(first_step),
        supervisor(
            limits, job,
            {[this] { return step; }, [this](const std::string& line) { said += line + "\n"; },
             [this](const LaunchEvent& event) { events.push_back(event); }}) {
    supervisor.begin(now_s);
  }
  void pass(double seconds) { supervisor.on_time(now_s += seconds); }
  void end_with(int code) { supervisor.on_exit(code, now_s); }
  /// Fails, and waits until the job runs again.
  void fail(int code) {
    end_with(code);
    pass(60);
  }
  bool has_said(const std::string& text) const { return said.find(text) != said.npos; }

  FakeJob job;
  int64_t step;
  double now_s = 1000;
  std::string said;
  std::vector<LaunchEvent> events;
  Supervisor supervisor;
};

TEST(Supervisor, CrashesAreStartedAgainFromTheNewestCheckpoint) {
  for (const int code : {137, 139, 134, 86, 1, 205}) {
    Scene scene;
    scene.step = 12;
    scene.fail(code);
    EXPECT_EQ(scene.job.starts.size(), 2) << code;
    EXPECT_TRUE(scene.has_said("going on from the checkpoint of step 12, restart 1 of 100"))
        << scene.said;
  }
}

TEST(Supervisor, WhatARestartCannotMendEndsWithItsOwnCode) {
  for (const int code : {0, 2, 3, 4, 6, 75, 93, 130}) {
    Scene scene;
    scene.step = 12;
    scene.fail(code);
    EXPECT_EQ(scene.supervisor.exit_code(), code);
    EXPECT_EQ(scene.job.starts.size(), 1) << code;
  }
}

TEST(Supervisor, EnvironmentAndMemoryAreTriedAgainOnlyOnceTheyHadWorked) {
  for (const int code : {5, 7}) {
    Scene scene;
    scene.fail(code);
    EXPECT_EQ(scene.supervisor.exit_code(), code);

    Scene later;
    later.step = 4;
    later.fail(137);
    later.fail(code);
    EXPECT_EQ(later.supervisor.exit_code(), std::nullopt) << code;
  }
}

TEST(Supervisor, ThreeRestartsWithoutACheckpointAreEnough) {
  Scene scene;
  for (int i = 0; i < 3; ++i) scene.fail(137);
  EXPECT_EQ(scene.supervisor.exit_code(), std::nullopt);
  scene.fail(137);
  EXPECT_EQ(scene.supervisor.exit_code(), 93);
  EXPECT_EQ(scene.job.starts.size(), 4);
}

TEST(Supervisor, ACommitClearsTheCount) {
  Scene scene;
  for (int i = 0; i < 30; ++i) {
    if (i % 3 == 2) scene.step += 4;
    scene.fail(139);
  }
  EXPECT_EQ(scene.supervisor.exit_code(), std::nullopt);
  for (int i = 0; i < 4; ++i) scene.fail(139);
  EXPECT_EQ(scene.supervisor.exit_code(), 93);
}

TEST(Supervisor, ACheckpointFromBeforeIsNoProgress) {
  Scene scene({}, 8);
  scene.fail(5);
  EXPECT_EQ(scene.supervisor.exit_code(), 5);
}

TEST(Supervisor, RestartsInAllHaveALimit) {
  Scene scene({.max_restarts = 2});
  for (int i = 0; i < 3; ++i) {
    scene.step += 4;
    scene.fail(137);
  }
  EXPECT_EQ(scene.supervisor.exit_code(), 137);
  EXPECT_EQ(scene.job.starts.size(), 3);
}

TEST(Supervisor, PausesBetweenStartsGrow) {
  Scene scene;
  scene.end_with(137);
  scene.pass(0.4);
  EXPECT_EQ(scene.job.starts.size(), 1);
  scene.pass(0.2);
  EXPECT_EQ(scene.job.starts.size(), 2);
  scene.end_with(137);
  scene.pass(0.6);
  EXPECT_EQ(scene.job.starts.size(), 2);
  scene.pass(0.6);
  EXPECT_EQ(scene.job.starts.size(), 3);
}

TEST(Supervisor, OneSignalAsksToSaveAndPassesThePreemptionOn) {
  for (const int signal : {SIGTERM, SIGUSR1, SIGHUP, SIGINT}) {
    Scene scene;
    scene.supervisor.on_signal(signal, scene.now_s);
    EXPECT_EQ(scene.job.requests, 1);
    EXPECT_EQ(scene.job.kills, 0);
    scene.end_with(75);
    EXPECT_EQ(scene.supervisor.exit_code(), signal == SIGINT ? 130 : 75);
    EXPECT_EQ(scene.job.starts.size(), 1);
  }
}

TEST(Supervisor, ARequestIsRepeatedForRanksThatDidNotListenYet) {
  Scene scene;
  scene.supervisor.on_signal(SIGTERM, scene.now_s);
  for (int i = 0; i < 5; ++i) scene.pass(1);
  EXPECT_EQ(scene.job.requests, 3);
  scene.end_with(128 + SIGUSR1);  // it came before the handler
  EXPECT_EQ(scene.supervisor.exit_code(), 75);
}

TEST(Supervisor, ASecondSignalKills) {
  Scene scene;
  scene.supervisor.on_signal(SIGINT, scene.now_s);
  scene.supervisor.on_signal(SIGINT, scene.now_s + 0.1);  // the same request, by two ways
  EXPECT_EQ(scene.job.kills, 0);
  scene.supervisor.on_signal(SIGINT, scene.now_s + 2);
  EXPECT_EQ(scene.job.kills, 1);
  EXPECT_EQ(scene.job.requests, 1);
  EXPECT_EQ(scene.supervisor.exit_code(), 137);
}

TEST(Supervisor, SavingHasALimit) {
  Scene scene({.grace_s = 20});
  scene.supervisor.on_signal(SIGTERM, scene.now_s);
  scene.pass(19);
  EXPECT_EQ(scene.supervisor.exit_code(), std::nullopt);
  scene.pass(2);
  EXPECT_EQ(scene.job.kills, 1);
  EXPECT_EQ(scene.supervisor.exit_code(), 137);
}

TEST(Supervisor, AJobThatIsStoppingIsNotStartedAgain) {
  Scene scene;
  scene.supervisor.on_signal(SIGTERM, scene.now_s);
  scene.fail(139);
  EXPECT_EQ(scene.supervisor.exit_code(), 139);
  EXPECT_TRUE(scene.has_said("asked to save but ended with exit code 139 (SIGSEGV)")) << scene.said;
}

TEST(Supervisor, ASignalBetweenTwoStartsEndsAtOnce) {
  Scene scene;
  scene.end_with(137);
  scene.supervisor.on_signal(SIGTERM, scene.now_s);
  EXPECT_EQ(scene.supervisor.exit_code(), 75);
  scene.pass(60);
  EXPECT_EQ(scene.job.starts.size(), 1);
}

TEST(Supervisor, AJobThatHangsAfterLosingARankIsKilledAndStartedAgain) {
  Scene scene;
  scene.job.is_rank_lost = true;
  scene.pass(1);
  scene.job.is_rank_lost = false;  // it stood still for a while, and goes on
  scene.pass(31);
  EXPECT_EQ(scene.job.kills, 0);
  scene.job.is_rank_lost = true;
  scene.pass(1);
  scene.pass(29);
  EXPECT_EQ(scene.job.kills, 0);
  scene.pass(1);
  EXPECT_EQ(scene.job.kills, 1);
  scene.pass(1);
  EXPECT_EQ(scene.job.starts.size(), 2);
}

TEST(Supervisor, WithoutSlotsFewerRanksAreTakenWhereThatIsAllowed) {
  Scene scene({.num_ranks = 16, .min_ranks = 2});
  scene.job.num_slots = 13;
  scene.fail(1);
  scene.fail(1);
  EXPECT_EQ(scene.job.starts, (std::vector<int64_t>{16, 14, 13}));
  EXPECT_EQ(scene.supervisor.exit_code(), std::nullopt);

  Scene strict({.num_ranks = 16, .min_ranks = 16});
  strict.job.num_slots = 13;
  strict.fail(1);
  EXPECT_EQ(strict.supervisor.exit_code(), 5);
  EXPECT_TRUE(strict.has_said("no slots for 16 ranks; give fewer with -n")) << strict.said;
}

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

TEST(Supervisor, EveryStartAndEndIsNoted) {
  Scene scene;
  scene.step = 8;
  scene.now_s += 5;
  scene.fail(137);
  scene.end_with(0);
  ASSERT_EQ(scene.events.size(), 4);
  EXPECT_EQ(scene.events[0].event, "start");
  EXPECT_EQ(scene.events[1].event, "end");
  EXPECT_EQ(scene.events[1].code, 137);
  EXPECT_EQ(scene.events[1].ran_s, 5);
  EXPECT_EQ(scene.events[1].next, "restart");
  EXPECT_EQ(scene.events[2].start, 2);
  EXPECT_EQ(scene.events[2].step, 8);
  EXPECT_EQ(scene.events[3].next, "leave");
}

}  // namespace
}  // namespace nextframe
