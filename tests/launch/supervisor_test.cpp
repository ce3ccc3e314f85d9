#include "launch/supervise/supervisor.h"

#include <gtest/gtest.h>

#include <csignal>

#include "tests/launch/supervised_scene.h"

namespace nextframe {
namespace {

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
