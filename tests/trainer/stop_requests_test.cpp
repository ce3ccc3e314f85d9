#include "trainer/stop_requests.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/trainer/thread_world.h"

namespace nextframe {
namespace {

class Stop : public ::testing::Test {
 protected:
  Stop() : file(testing::TempDir() + "STOP-" + std::to_string(getpid())) {
    std::filesystem::remove(file);
  }
  ~Stop() override { std::filesystem::remove(file); }

  StopRequests requests(const StopLimits& limits) {
    return {signals, limits, [this] { return now_s; }};
  }

  std::filesystem::path file;
  SignalWatch signals;
  double now_s = 1000;
};

TEST_F(Stop, NobodyAsksAtFirst) {
  auto stops = requests({file, 10, 1000.0});
  EXPECT_EQ(stops.requested(), StopRequest::none);
}

TEST_F(Stop, SignalsAskAtOnce) {
  auto stops = requests({});
  std::raise(SIGUSR1);
  EXPECT_EQ(stops.requested(), StopRequest::preempt);
  EXPECT_EQ(stops.reason(), "SIGUSR1");
  std::raise(SIGINT);
  EXPECT_EQ(stops.requested(), StopRequest::interrupt);
}

TEST_F(Stop, TheFileAsksWithinASecondUntilItIsObeyed) {
  auto stops = requests({.file = file});
  EXPECT_EQ(stops.requested(), StopRequest::none);
  std::ofstream(file).close();
  now_s += 0.9;
  EXPECT_EQ(stops.requested(), StopRequest::none) << "it is not looked for at every step";
  now_s += 0.2;
  EXPECT_EQ(stops.requested(), StopRequest::preempt);
  EXPECT_EQ(stops.reason(), "the file " + file.string());
  stops.acknowledge();
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(stops.requested(), StopRequest::preempt) << "once asked, always asked";
  EXPECT_EQ(requests({.file = file}).requested(), StopRequest::none);
}

TEST_F(Stop, AFileThatAnotherRankSawFirstIsStillNamed) {
  auto stops = requests({.file = file});
  EXPECT_EQ(stops.requested(), StopRequest::none);
  std::ofstream(file).close();
  EXPECT_EQ(stops.reason(), "another rank");
  stops.acknowledge();
  EXPECT_EQ(stops.reason(), "the file " + file.string());
}

TEST_F(Stop, MinutesAreAsLongAsTheySay) {
  auto stops = requests({.max_minutes = 2});
  now_s += 119;
  EXPECT_EQ(stops.requested(), StopRequest::none);
  now_s += 1;
  EXPECT_EQ(stops.requested(), StopRequest::preempt);
  EXPECT_EQ(stops.reason(), "trainer.max_minutes = 2");
}

TEST_F(Stop, TheJobsEndLeavesRoomForTheLongestSave) {
  auto stops = requests({.job_ends_in_s = 1000});
  stops.note_save_time(20);
  stops.note_save_time(5);
  now_s += 1000 - 60 - 3 * 20 - 1;
  EXPECT_EQ(stops.requested(), StopRequest::none);
  now_s += 1;
  EXPECT_EQ(stops.requested(), StopRequest::preempt);
}

TEST_F(Stop, AShortJobIsNotAllMargin) {
  auto stops = requests({.job_ends_in_s = 80});
  now_s += 39;
  EXPECT_EQ(stops.requested(), StopRequest::none);
  now_s += 1;
  EXPECT_EQ(stops.requested(), StopRequest::preempt);
}

TEST(StrongestRequest, OfAnyRankIsEverybodys) {
  run_ranks(3, [](Communicator& world) {
    const auto own = world.rank() == 1   ? StopRequest::interrupt
                     : world.rank() == 2 ? StopRequest::preempt
                                         : StopRequest::none;
    EXPECT_EQ(strongest_request(world, own), StopRequest::interrupt);
    EXPECT_EQ(strongest_request(world, StopRequest::none), StopRequest::none);
  });
}

}  // namespace
}  // namespace nextframe
