#include "launch/hang/flight_recorder.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

TEST(FlightRecorder, KeepsTheNewestInOrder) {
  FlightRecorder recorder("", 3);
  EXPECT_TRUE(recorder.newest(8).empty());
  for (int i = 0; i < 5; ++i) recorder.enter({"call" + std::to_string(i), i, "uint8"});
  const auto records = recorder.newest(8);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records.front().sequence, 2);
  EXPECT_EQ(records.back().sequence, 4);
  EXPECT_EQ(records.back().call.name, "call4");
  EXPECT_EQ(records.back().call.bytes, 4);
  EXPECT_EQ(recorder.newest(1).front().sequence, 4);
}

TEST(FlightRecorder, StatesMoveOnAndForgottenOnesAreIgnored) {
  FlightRecorder recorder("", 2);
  const auto first = recorder.enter({"all_reduce", 12, "float32"});
  recorder.mark(first, CollectiveState::running);
  EXPECT_EQ(recorder.newest(1).front().state, CollectiveState::running);
  recorder.mark(first, CollectiveState::done);
  EXPECT_EQ(recorder.newest(1).front().state, CollectiveState::done);
  recorder.enter({"barrier", 0, ""});
  recorder.enter({"barrier", 0, ""});
  recorder.mark(first, CollectiveState::failed);
  for (const auto& record : recorder.newest(2)) EXPECT_EQ(record.state, CollectiveState::queued);
}

TEST(FlightRecorder, PrintsALineACollective) {
  FlightRecorder recorder;
  recorder.mark(recorder.enter({"all_reduce", 4096, "float32"}), CollectiveState::running);
  recorder.enter({"barrier", 0, ""});
  const auto text = recorder.print(8);
  EXPECT_EQ(text.find("  #0 all_reduce 4096 bytes float32 running, queued at 0.0"), 0u) << text;
  EXPECT_NE(text.find("\n  #1 barrier 0 bytes queued, queued at "), std::string::npos) << text;
}

TEST(FlightRecorder, KnowsTheStepAndWhatACallIsFor) {
  FlightLog log;
  const auto first = log.open("host"), second = log.open("host");
  EXPECT_EQ(first->name(), "host");
  EXPECT_EQ(second->name(), "host 2");
  log.set_step(118);
  {
    const CollectivePurpose purpose("bucket 2");
    second->enter({"all_reduce", 12, "float32"});
  }
  second->enter({"barrier", 0, ""});
  const auto records = second->newest(2);
  EXPECT_EQ(records[0].step, 118);
  EXPECT_EQ(records[0].purpose, "bucket 2");
  EXPECT_EQ(records[1].purpose, "");
  EXPECT_EQ(log.recorders().size(), 2u);
}

TEST(FlightRecorder, DigestsDifferByOrderSizePurposeAndType) {
  const auto digest_of = [](const std::vector<CollectiveCall>& calls, const char* purpose = "") {
    FlightRecorder recorder;
    const CollectivePurpose scope(purpose);
    for (const auto& call : calls) recorder.enter(call);
    return recorder.digest().order;
  };
  const CollectiveCall a{"all_reduce", 12, "float32"}, b{"all_gather", 12, "float32"};
  const auto usual = digest_of({a, b});
  EXPECT_EQ(digest_of({a, b}), usual);
  EXPECT_NE(digest_of({b, a}), usual);
  EXPECT_NE(digest_of({a}), usual);
  EXPECT_NE(digest_of({a, b}, "bucket 1"), usual);
  EXPECT_NE(digest_of({a, {"all_gather", 16, "float32"}}), usual);
  EXPECT_NE(digest_of({a, {"all_gather", 12, "int64"}}), usual);
}

TEST(FlightRecorder, BalancesOfAnExchangeCancelWhenItsPartsFit) {
  // Rank 0 sends 16 bytes to rank 1, who sends 4 back; both keep 8.
  const auto zero = exchange_balance(0, {8, 16}, {8, 4});
  EXPECT_EQ(zero + exchange_balance(1, {4, 8}, {16, 8}), 0u);
  EXPECT_NE(zero + exchange_balance(1, {4, 8}, {12, 8}), 0u);
  EXPECT_NE(zero + exchange_balance(1, {8, 4}, {16, 8}), 0u);
}

}  // namespace
}  // namespace nextframe
