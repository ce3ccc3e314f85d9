#include "launch/hang/hang_analysis.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

using State = CollectiveState;

CollectiveRecord call(int64_t sequence, State state, const std::string& name = "all_reduce",
                      int64_t bytes = 8192) {
  CollectiveRecord record;
  record.sequence = sequence;
  record.call = {name, bytes, "float32"};
  record.purpose = "bucket " + std::to_string(sequence % 3);
  record.step = 118;
  record.state = state;
  return record;
}

/// Of rank `rank`, which has finished calls 10 and 11 and waits in 12.
RankReport waiting(int64_t rank) {
  RankReport report;
  report.rank = rank;
  report.size = 4;
  report.host = "node0" + std::to_string(rank);
  report.time_s = 43411.25;  // 12:03:31
  report.step = 118;
  report.section = "wait";
  report.section_s = 20;
  report.is_dump = true;
  report.communicators = {
      {"gradients", 13, {call(10, State::done), call(11, State::done), call(12, State::running)}}};
  return report;
}

std::vector<RankReport> four_waiting() { return {waiting(0), waiting(1), waiting(2), waiting(3)}; }

/// As if the rank had not come to call 12.
void remove_newest(RankReport& report) {
  report.communicators[0].entered -= 1;
  report.communicators[0].collectives.pop_back();
  report.section = "data";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(HangAnalysis, ARankThatNeverEnteredIsNamedWithWhereItStands) {
  auto reports = four_waiting();
  remove_newest(reports[3]);
  const auto verdict = explain_hang(reports, 4);
  EXPECT_EQ(verdict.cause, HangCause::absent_rank);
  EXPECT_EQ(verdict.ranks, std::vector<int64_t>({3}));
  EXPECT_EQ(verdict.sequence, 12);
  EXPECT_EQ(verdict.communicator, "gradients");
  EXPECT_EQ(
      verdict.text,
      "rank 3 on node03 never entered #12 all_reduce of bucket 0 (gradients, step 118), in "
      "which ranks 0, 1, 2 wait; last seen in data, step 118, at 12:03:31.2, there for 20.0 s");
}

TEST(HangAnalysis, AStoppedRankIsNamedByItsLastHeartbeat) {
  auto reports = four_waiting();
  remove_newest(reports[3]);
  reports[3].is_dump = false;
  reports[3].time_s -= 20;
  const auto verdict = explain_hang(reports, 4);
  EXPECT_EQ(verdict.cause, HangCause::silent_rank);
  EXPECT_EQ(verdict.ranks, std::vector<int64_t>({3}));
  EXPECT_TRUE(has(verdict.text,
                  "rank 3 on node03 fell silent: last seen in data, step 118, at "
                  "12:03:11.2, before it entered #12"))
      << verdict.text;
}

TEST(HangAnalysis, OfFailedCommunicatorsTheOneWithAnErrorOfItsOwnIsNamed) {
  auto reports = four_waiting();
  reports[0].fault = {"gradients", "in #12 all_reduce: remote process exited", true};
  reports[2].fault = {"gradients", "in #12 all_reduce: unhandled cuda error"};
  const auto verdict = explain_hang(reports, 4);
  EXPECT_EQ(verdict.cause, HangCause::link_failed);
  EXPECT_EQ(verdict.ranks, std::vector<int64_t>({2}));
  EXPECT_EQ(verdict.text,
            "rank 2 on node02: communicator gradients failed in step 118, in #12 all_reduce: "
            "unhandled cuda error; failed too on rank 0");
}

TEST(HangAnalysis, ARankThatHasGoneCountsMoreThanWhatNcclSaysOfIt) {
  auto reports = four_waiting();
  reports[0].fault = {"gradients", "in #12 all_reduce: remote process exited", true};
  reports[3].is_dump = false;
  reports[3].time_s -= 20;
  const auto verdict = explain_hang(reports, 4);
  EXPECT_EQ(verdict.cause, HangCause::silent_rank);
  EXPECT_EQ(verdict.ranks, std::vector<int64_t>({3}));
  EXPECT_TRUE(has(verdict.text, "; rank 0 on node00: communicator gradients failed in step 118"))
      << verdict.text;
}

TEST(HangAnalysis, ARankWithoutAnySignIsNamedToo) {
  auto reports = four_waiting();
  reports.erase(reports.begin() + 1);
  const auto verdict = explain_hang(reports, 4);
  EXPECT_EQ(verdict.cause, HangCause::silent_rank);
  EXPECT_EQ(verdict.ranks, std::vector<int64_t>({1}));
}

TEST(HangAnalysis, AFreshHeartbeatInPlaceOfADumpIsNoSilence) {
  auto reports = four_waiting();
  remove_newest(reports[2]);
  reports[2].is_dump = false;
  EXPECT_EQ(explain_hang(reports, 4).cause, HangCause::absent_rank);
}

TEST(HangAnalysis, OfRanksThatWaitForEachOtherTheLastInTheChainIsTheCulprit) {
  auto reports = four_waiting();
  // Rank 2 waits on "saving" for rank 3, so it never comes to what 0 and 1 wait in.
  for (auto& report : reports)
    report.communicators.push_back({"saving", 7, {call(6, State::done)}});
  for (const size_t rank : {2, 3}) remove_newest(reports[rank]);
  for (const size_t rank : {0, 1, 2}) {
    reports[rank].communicators[1].entered = 8;
    reports[rank].communicators[1].collectives.push_back(call(7, State::running));
  }
  const auto verdict = explain_hang(reports, 4);
  EXPECT_EQ(verdict.cause, HangCause::absent_rank);
  EXPECT_EQ(verdict.ranks, std::vector<int64_t>({3})) << verdict.text;
}

TEST(HangAnalysis, AnotherSizeIsNamedBeforeTheWaiting) {
  auto reports = four_waiting();
  reports[1].communicators[0].collectives[2].call.bytes = 4096;
  const auto verdict = explain_hang(reports, 4);
  EXPECT_EQ(verdict.cause, HangCause::different_calls);
  EXPECT_EQ(verdict.ranks, std::vector<int64_t>({1}));
  EXPECT_EQ(
      verdict.text,
      "at #12 of 'gradients' (step 118) sizes differ: rank 1 on node01 put in 4096 bytes, the "
      "others put in 8192 bytes");
}

TEST(HangAnalysis, AnotherOrderIsNamedAtItsFirstCall) {
  auto reports = four_waiting();
  // Rank 2 left out what the others called 11th.
  auto& calls = reports[2].communicators[0].collectives;
  calls[1] = call(12, State::running);
  calls[1].sequence = 11;
  calls.pop_back();
  reports[2].communicators[0].entered = 12;
  const auto verdict = explain_hang(reports, 4);
  EXPECT_EQ(verdict.cause, HangCause::different_calls);
  EXPECT_EQ(verdict.ranks, std::vector<int64_t>({2}));
  EXPECT_EQ(verdict.sequence, 11);
  EXPECT_TRUE(has(verdict.text,
                  "other order: rank 2 on node02 called all_reduce of 8192 bytes "
                  "(bucket 0), the others called all_reduce of 8192 bytes (bucket 2)"))
      << verdict.text;
}

TEST(HangAnalysis, OfTwoRanksThatDifferBothAreQuoted) {
  std::vector<RankReport> reports = {waiting(0), waiting(1)};
  reports[1].communicators[0].collectives[2].call.bytes = 4096;
  const auto text = explain_hang(reports, 2).text;
  EXPECT_TRUE(has(text, "rank 1 on node01 put in 4096 bytes, rank 0 on node00 put in 8192 bytes"))
      << text;
}

TEST(HangAnalysis, PartsOfAnExchangeMayDifferAsLongAsTheyFit) {
  auto reports = four_waiting();
  reports.resize(2);
  for (auto& report : reports) report.size = 2;
  const auto exchange = [&](size_t rank, std::vector<int64_t> sent, std::vector<int64_t> expected) {
    auto& what = reports[rank].communicators[0].collectives[2].call;
    what = {"all_to_all", sent[0] + sent[1], "float32", expected[0] + expected[1],
            exchange_balance(static_cast<int64_t>(rank), sent, expected)};
  };
  exchange(0, {8, 16}, {8, 4});
  exchange(1, {4, 32}, {16, 32});
  EXPECT_EQ(explain_hang(reports, 2).cause, HangCause::nobody_done);
  exchange(1, {4, 32}, {8, 32});                 // of the 16 bytes that rank 0 sends
  for (auto& report : reports) report.size = 3;  // the third one's parts are not known
  EXPECT_EQ(explain_hang(reports, 2).cause, HangCause::nobody_done);
  for (auto& report : reports) report.size = 2;
  const auto verdict = explain_hang(reports, 2);
  EXPECT_EQ(verdict.cause, HangCause::different_calls);
  EXPECT_TRUE(has(verdict.text, "sizes do not fit")) << verdict.text;
}

TEST(HangAnalysis, WhatAllEnteredAndNobodyLeftIsTheNetworksOrADevices) {
  const auto verdict = explain_hang(four_waiting(), 4);
  EXPECT_EQ(verdict.cause, HangCause::nobody_done);
  EXPECT_TRUE(has(verdict.text,
                  "all ranks entered #12 all_reduce of bucket 0 (gradients, step 118), "
                  "and none completed it: network or device"))
      << verdict.text;
}

/// Four ranks on two nodes; rank 3 is late in what the ranks of its node call, so rank 1 waits for
/// it across nodes and rank 0 for rank 1.
std::vector<RankReport> two_nodes() {
  auto reports = four_waiting();
  for (size_t rank = 0; rank < 4; ++rank) {
    auto& mine = reports[rank].communicators;
    const std::string node = std::to_string(rank / 2), place = std::to_string(rank % 2);
    mine[0].name = "gradients in node " + node;
    mine[0].num_ranks = 2;
    mine.push_back({"gradients across nodes at place " + place, 5, {call(4, State::running)}, 2});
  }
  return reports;
}

TEST(HangAnalysis, OfCommunicatorsOfSomeRanksTheCulpritIsInItsGroup) {
  auto reports = two_nodes();
  for (const size_t rank : {0, 1}) {  // that node is through
    reports[rank].communicators[0].collectives.back() = call(12, State::done);
  }
  remove_newest(reports[3]);
  reports[3].communicators[1] = {"gradients across nodes at place 1", 4, {call(3, State::done)}, 2};
  reports[2].communicators[1] = {"gradients across nodes at place 0", 4, {call(3, State::done)}, 2};
  const auto verdict = explain_hang(reports, 4);
  EXPECT_EQ(verdict.cause, HangCause::absent_rank);
  EXPECT_EQ(verdict.ranks, std::vector<int64_t>({3})) << verdict.text;
}

TEST(HangAnalysis, CallsAreComparedWithinAGroup) {
  auto reports = two_nodes();
  for (const size_t rank : {2, 3})  // another node's sizes are its own
    reports[rank].communicators[0].collectives[2].call.bytes = 4096;
  EXPECT_EQ(find_different_calls(reports).cause, HangCause::nothing);
  reports[3].communicators[0].collectives[2].call.bytes = 2048;
  const auto verdict = find_different_calls(reports);
  EXPECT_EQ(verdict.cause, HangCause::different_calls);
  EXPECT_EQ(verdict.communicator, "gradients in node 1");
  EXPECT_TRUE(has(verdict.text, "rank 3 on node03 put in 2048 bytes")) << verdict.text;
}

TEST(HangAnalysis, PartsOfAnExchangeOfAGroupAreWeighedWhenTheGroupIsThere) {
  auto reports = two_nodes();
  for (const size_t rank : {2, 3}) {
    auto& one = reports[rank].communicators[0].collectives[1].call;
    one.name = "exchange";
    one.out_bytes = 8192;
    one.balance = rank;  // 2 + 3 is not 0
  }
  EXPECT_EQ(find_different_calls(reports).cause, HangCause::different_calls);
  reports[2].communicators[0].collectives[1].call.balance = ~uint64_t{2};  // -3
  EXPECT_EQ(find_different_calls(reports).cause, HangCause::nothing);
}

TEST(HangAnalysis, WhatAGroupEnteredAndNobodyLeftIsTold) {
  const auto verdict = explain_hang(two_nodes(), 4);
  EXPECT_EQ(verdict.cause, HangCause::nobody_done);
  EXPECT_TRUE(has(verdict.text, "all ranks of it entered #4")) << verdict.text;
  EXPECT_TRUE(has(verdict.text, "none completed it")) << verdict.text;
}

TEST(HangAnalysis, OutsideOfCollectivesTheLongestSectionIsTold) {
  RankReport alone;
  alone.host = "laptop";
  alone.section = "data";
  alone.section_s = 31;
  alone.step = 5;
  alone.is_dump = true;
  const auto verdict = explain_hang({alone}, 1);
  EXPECT_EQ(verdict.cause, HangCause::nothing);
  EXPECT_TRUE(has(verdict.text, "rank 0 on laptop was in data, step 5")) << verdict.text;
  EXPECT_EQ(explain_hang({}, 0).text, "no rank left a report");
}

}  // namespace
}  // namespace nextframe
