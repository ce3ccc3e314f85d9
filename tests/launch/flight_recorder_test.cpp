#include "launch/flight_recorder.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

TEST(FlightRecorder, KeepsTheNewestInOrder) {
  FlightRecorder recorder(3);
  EXPECT_TRUE(recorder.newest(8).empty());
  for (int i = 0; i < 5; ++i) recorder.enter("call" + std::to_string(i), i, "uint8");
  const auto records = recorder.newest(8);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records.front().sequence, 2);
  EXPECT_EQ(records.back().sequence, 4);
  EXPECT_EQ(records.back().name, "call4");
  EXPECT_EQ(records.back().bytes, 4);
  EXPECT_EQ(recorder.newest(1).front().sequence, 4);
}

TEST(FlightRecorder, StatesMoveOnAndForgottenOnesAreIgnored) {
  FlightRecorder recorder(2);
  const auto first = recorder.enter("all_reduce", 12, "float32");
  recorder.mark(first, CollectiveState::running);
  EXPECT_EQ(recorder.newest(1).front().state, CollectiveState::running);
  recorder.mark(first, CollectiveState::done);
  EXPECT_EQ(recorder.newest(1).front().state, CollectiveState::done);
  recorder.enter("barrier", 0, "");
  recorder.enter("barrier", 0, "");
  recorder.mark(first, CollectiveState::failed);
  for (const auto& record : recorder.newest(2)) EXPECT_EQ(record.state, CollectiveState::queued);
}

TEST(FlightRecorder, PrintsALineACollective) {
  FlightRecorder recorder;
  recorder.mark(recorder.enter("all_reduce", 4096, "float32"), CollectiveState::running);
  recorder.enter("barrier", 0, "");
  const auto text = recorder.print(8);
  EXPECT_EQ(text.find("  #0 all_reduce 4096 bytes float32 running, queued at 0.0"), 0u) << text;
  EXPECT_NE(text.find("\n  #1 barrier 0 bytes queued, queued at "), std::string::npos) << text;
}

}  // namespace
}  // namespace nextframe
