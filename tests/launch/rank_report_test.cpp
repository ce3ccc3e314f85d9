#include "launch/hang/rank_report.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

TEST(RankReport, ComesBackFromItsText) {
  FlightRecorder recorder("gradients");
  {
    const CollectivePurpose purpose("bucket \"2\"");
    recorder.enter({"all_to_all", 4096, "float32", 8192, 0xfedcba9876543210});
  }
  recorder.mark(0, CollectiveState::running);
  recorder.enter({"barrier", 0, ""});
  RankReport report{3,        4,
                    "node07", "20260131T120000.123Z",
                    43391.5,  118,
                    "data",   1.25,
                    true,     {{"gradients", 2, recorder.newest(8)}, {"control", 0, {}}},
                    {}};
  const auto text = to_json(report);
  const auto back = parse_rank_report(text);
  EXPECT_EQ(to_json(back), text);
  EXPECT_EQ(back.fault.communicator, "");
  report.fault = {"gradients", "in #0 all_to_all: \xf0\x9f cut off", true};
  const auto failed = parse_rank_report(to_json(report)).fault;
  EXPECT_EQ(failed.communicator, "gradients");
  EXPECT_NE(failed.text.find("cut off"), std::string::npos) << failed.text;
  EXPECT_TRUE(failed.is_peer_failure);
  EXPECT_EQ(back.rank, 3);
  EXPECT_EQ(back.section, "data");
  ASSERT_EQ(back.communicators.size(), 2u);
  const auto& record = back.communicators[0].collectives.at(0);
  EXPECT_EQ(record.purpose, "bucket \"2\"");
  EXPECT_EQ(record.call.balance, 0xfedcba9876543210);
  EXPECT_EQ(record.state, CollectiveState::running);
  EXPECT_GT(record.started_s, 1e9);
}

TEST(RankReport, HalfATextIsAnError) {
  const auto text = to_json(RankReport{});
  EXPECT_THROW(parse_rank_report(text.substr(0, text.size() / 2)), std::exception);
  EXPECT_THROW(parse_rank_report("{}"), std::exception);
}

TEST(RankReport, TimesOfDayAreUtc) {
  EXPECT_EQ(time_of_day(43391.25), "12:03:11.2");
  EXPECT_EQ(time_of_day(59.99), "00:00:59.9");
}

}  // namespace
}  // namespace nextframe
