#include "launch/hang/watchdog.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>

#include "launch/hang/hang_exit.h"
#include "launch/hang/section_stack.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

fs::path new_folder(const char* name) {
  const auto folder = fs::path(testing::TempDir()) / (name + std::to_string(getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

TEST(AwakeClock, AStandstillDoesNotCount) {
  AwakeClock clock(100);
  clock.tick(100.1);
  clock.tick(100.2);
  EXPECT_NEAR(clock.now(100.25), 0.25, 1e-9);
  EXPECT_EQ(clock.take_suspended(), 0);
  EXPECT_NEAR(clock.now(160), 0.7, 1e-9);  // asked before the first tick after a stop
  clock.tick(160.2);
  EXPECT_NEAR(clock.now(160.3), 0.8, 1e-9);
  EXPECT_NEAR(clock.take_suspended(), 59.5, 1e-9);
  EXPECT_EQ(clock.take_suspended(), 0);
}

TEST(Watchdog, TellsWhereARankHangsAndWhatItWaitsIn) {
  std::promise<std::string> told;
  const auto log = std::make_shared<FlightLog>();
  const auto recorder = log->open("gradients");
  Watchdog watchdog({1, 4, "node07"}, {0, 0.2}, log,
                    [&](const Hang& hang) { told.set_value(hang_message(hang, hang.report())); });
  const auto step = watchdog.step(118);
  const auto wait = watchdog.part("wait");
  {
    const CollectivePurpose purpose("bucket 2");
    recorder->mark(recorder->enter({"all_to_all", 4096, "float32"}), CollectiveState::running);
  }
  auto line = told.get_future();
  ASSERT_EQ(line.wait_for(5s), std::future_status::ready);
  const auto text = line.get();
  EXPECT_EQ(text.find("rank 1 on node07: no progress for 0."), 0u) << text;
  EXPECT_NE(text.find("in step 118, section wait: in #0 all_to_all of bucket 2 (gradients, 4096"),
            std::string::npos)
      << text;
}

/// Fails when it is told to.
struct FailingLink final : AbortableCommunicator {
  CommunicatorFault fault() override {
    if (!has_failed) return {};
    return {"gradients", "in #0 all_reduce: unhandled cuda error", false, was_thrown};
  }
  std::future<void> abort() override { return {}; }
  std::atomic<bool> has_failed = false, was_thrown = false;
};

TEST(Watchdog, TellsOfACommunicatorThatFailsBesideTheHost) {
  std::promise<std::string> told;
  const auto links = std::make_shared<AbortableCommunicators>();
  const auto link = std::make_shared<FailingLink>();
  links->add(link);
  Watchdog watchdog(
      {1, 4, "node07"}, {0, 100}, std::make_shared<FlightLog>(),
      [&](const Hang& hang) {
        EXPECT_EQ(hang.report().fault.communicator, "gradients") << "it belongs into the dump";
        EXPECT_EQ(hang.abortables, links);
        told.set_value(hang_message(hang, hang.report()));
      },
      links);
  const auto step = watchdog.step(118);
  auto line = told.get_future();
  EXPECT_EQ(line.wait_for(300ms), std::future_status::timeout);
  link->has_failed = true;
  ASSERT_EQ(line.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(line.get(),
            "rank 1 on node07: communicator gradients failed in step 118, section step, in #0 "
            "all_reduce: unhandled cuda error");
  watchdog.report_communicator_fault();  // no second time
}

TEST(Watchdog, LeavesAnErrorThatWasThrownToWhoCaughtIt) {
  std::atomic<int> num_told = 0;
  const auto links = std::make_shared<AbortableCommunicators>();
  const auto link = std::make_shared<FailingLink>();
  links->add(link);
  Watchdog watchdog(
      {1, 4, "node07"}, {0, 100}, std::make_shared<FlightLog>(), [&](const Hang&) { ++num_told; },
      links);
  watchdog.report_communicator_fault();
  link->was_thrown = true;
  link->has_failed = true;
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(num_told, 0);
  watchdog.report_communicator_fault();
  EXPECT_EQ(num_told, 1);
}

TEST(Watchdog, LeavesHeartbeatsAndADumpWhenAnotherRankCalls) {
  const auto log = new_folder("watchdog");
  const HangFolder folder(log, new_start_name());
  {
    Watchdog watchdog({1, 2, "node07"}, {0, 100}, std::make_shared<FlightLog>(), {});
    watchdog.set_folder(folder);
    const auto step = watchdog.step(7);
    const auto part = watchdog.part("data");
    EXPECT_TRUE(folder.call_for_dumps());
    EXPECT_FALSE(folder.call_for_dumps());  // one rank is the first
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (!folder.has_dump(1) && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(20ms);
    const auto reports = folder.reports();
    EXPECT_TRUE(folder.wants_dumps());
    folder.write_verdict("it is over");
    EXPECT_FALSE(folder.wants_dumps());
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_TRUE(reports[0].is_dump);
    EXPECT_EQ(reports[0].step, 7);
    EXPECT_EQ(reports[0].section, "data");
  }
  fs::remove_all(folder.path());
  ASSERT_EQ(folder.reports().size(), 1u);  // the heartbeat stays
  EXPECT_EQ(folder.reports()[0].section, "the end");
  EXPECT_TRUE(HangFolder(log, "another start").reports().empty());
  fs::remove_all(log);
}

TEST(Watchdog, WithoutADiskNothingIsWrittenAndNothingBlocks) {
  const HangFolder folder("/proc/nowhere", "start");
  EXPECT_FALSE(folder.write_dump({}));
  EXPECT_FALSE(folder.write_heartbeat({}));
  EXPECT_FALSE(folder.call_for_dumps());
  EXPECT_TRUE(folder.reports().empty());
}

/// All that a step of 8 grains and 4 buckets adds for the watchdog, the recorder and the comparison
/// of calls; prints how long that took.
TEST(Watchdog, CostsMicrosecondsAStep) {
  constexpr int64_t kSteps = 2000, kGrains = 8, kBuckets = 4;
  const auto log = std::make_shared<FlightLog>();
  const auto recorder = log->open("gradients");
  Watchdog watchdog({0, 4, "node07"}, {0, 1800}, log, {});
  const std::vector<int64_t> counts(4, 1024);
  const auto begin = std::chrono::steady_clock::now();
  for (int64_t number = 1; number <= kSteps; ++number) {
    const auto step = watchdog.step(number);
    for (int64_t grain = 0; grain < kGrains; ++grain) watchdog.run_section("data", [] {});
    for (int64_t call = 0; call < 2 * kBuckets; ++call) {
      const CollectivePurpose purpose("bucket " + std::to_string(call / 2));
      const auto sequence = recorder->enter(
          {"exchange", 16384, "float32", 16384, exchange_balance(0, counts, counts)});
      recorder->mark(sequence, CollectiveState::running);
      recorder->mark(sequence, CollectiveState::done);
    }
    recorder->digest();
    watchdog.take_suspended_s();
    const auto sync_point = watchdog.sync_point();
  }
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  const double step_us = took.count() / kSteps;
  std::printf("%.1f us a step\n", step_us);
  EXPECT_LT(step_us, 500);
}

TEST(LastWords, WorkThatHangsIsLeftBehind) {
  EXPECT_TRUE(finishes_within(5s, [] {}));
  EXPECT_TRUE(finishes_within(5s, [] { throw std::runtime_error("the disk is full"); }));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(finishes_within(50ms, [] { std::this_thread::sleep_for(1s); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 500ms);
}

/// A pipe that is full and never read, as standard error of the process that ends.
[[noreturn]] void hang_with_blocked_output(const fs::path& log) {
  int ends[2];
  if (pipe(ends) != 0) _exit(1);
  dup2(ends[1], STDERR_FILENO);
  std::thread([] {
    const std::string noise(1 << 20, 'x');
    while (write(STDERR_FILENO, noise.data(), noise.size()) > 0) {
    }
  }).detach();
  Watchdog watchdog({0, 1, "here"}, {0, 0.1}, std::make_shared<FlightLog>(), report_hang_and_exit);
  watchdog.set_folder(HangFolder(log, "start"));
  while (true) std::this_thread::sleep_for(1s);
}

TEST(LastWordsDeathTest, AJobEndsAlsoWhenNobodyReadsItsOutput) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto log = fs::path(testing::TempDir()) / "blocked_output";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EXIT(hang_with_blocked_output(log), testing::ExitedWithCode(86), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 12s);
  EXPECT_NE(HangFolder::newest_verdict(log).find("rank 0 on here was in setup"), std::string::npos);
  fs::remove_all(log);
}

}  // namespace
}  // namespace nextframe
