#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

#include "trainer/checkpoint/writer.h"

namespace nextframe {
namespace {

using std::chrono::milliseconds;

TEST(CheckpointWriter, GivesEachTasksResultOrItsProblem) {
  Writer writer;
  EXPECT_TRUE(writer.is_done());
  writer.start("counting", [](WriterPulse&) { return std::string("three"); });
  EXPECT_EQ(writer.wait(5).text, "three");
  writer.start("failing", [](WriterPulse&) -> std::string { throw std::runtime_error("no room"); });
  while (!writer.is_done()) std::this_thread::yield();
  EXPECT_TRUE(writer.has_failed());
  EXPECT_EQ(writer.wait(5).problem, "no room");
  EXPECT_FALSE(writer.has_failed());
}

TEST(CheckpointWriter, ATaskThatDoesNotMoveIsNamedAndASlowOneIsWaitedFor) {
  std::promise<void> repaired;
  Writer writer;
  writer.start("writing rank-00000.bin", [&](WriterPulse& pulse) {
    for (int i = 0; i < 10; ++i) std::this_thread::sleep_for(milliseconds(30)), pulse.beat();
    return std::string("slow");
  });
  EXPECT_EQ(writer.wait(0.2).text, "slow");
  writer.start("writing rank-00000.bin", [&](WriterPulse&) {
    repaired.get_future().wait();
    return std::string("late");
  });
  EXPECT_EQ(writer.wait(0.05).problem, "writing rank-00000.bin made no progress for 0.05 s");
  EXPECT_FALSE(writer.is_done());
  repaired.set_value();
  EXPECT_EQ(writer.wait(5).text, "late");
}

TEST(CheckpointWriter, LeavesNoTaskBehindThatCanBeCancelled) {
  std::atomic<bool> has_ended = false;
  {
    Writer writer;
    writer.start("writing for ever", [&](WriterPulse& pulse) {
      while (!pulse.is_cancelled()) std::this_thread::sleep_for(milliseconds(1));
      has_ended = true;
      return std::string();
    });
  }
  EXPECT_TRUE(has_ended);
}

}  // namespace
}  // namespace nextframe
