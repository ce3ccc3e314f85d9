#include "trainer/graphs/replayed_work.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace nextframe {
namespace {

/// Counts what is recorded and replayed.
struct Counts {
  int recorded = 0, replayed = 0;
  std::vector<std::string> lines;

  WorkRecorder recorder() {
    struct Counted final : RecordedWork {
      explicit Counted(int& replays) : replayed(replays) {}
      void replay() override { ++replayed; }
      int& replayed;
    };
    return [this](const std::function<void()>&) {
      ++recorded;
      return std::make_unique<Counted>(replayed);
    };
  }
  std::function<void(const std::string&)> say() {
    return [this](const std::string& line) { lines.push_back(line); };
  }
};

TEST(ReplayedWork, RunsOnceRecordsOnceAndReplaysFromThenOn) {
  Counts counts;
  ReplayedWork work("it", counts.recorder(), counts.say());
  int runs = 0;
  for (int time = 0; time < 5; ++time) work.run({}, [&] { ++runs; });
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(counts.recorded, 1);
  EXPECT_EQ(counts.replayed, 4);
  EXPECT_EQ(work.num_replays(), 4);
}

TEST(ReplayedWork, WithoutARecorderRunsEachTime) {
  ReplayedWork work;
  int runs = 0;
  for (int time = 0; time < 3; ++time) work.run({}, [&] { ++runs; });
  EXPECT_EQ(runs, 3);
  EXPECT_FALSE(work.is_on());
}

TEST(ReplayedWork, ARecordingIsOfThePlacesThatItWasMadeWith) {
  Counts counts;
  ReplayedWork work("it", counts.recorder(), counts.say());
  int runs = 0;
  const char here = 0, there = 0;
  for (const char* place : {&here, &there, &here, &there, &here})
    work.run({place}, [&] { ++runs; });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(counts.recorded, 2);
  EXPECT_EQ(counts.replayed, 3);
  const std::vector<char> always_new(100);
  for (const char& place : always_new) work.run({&place}, [&] { ++runs; });
  EXPECT_EQ(runs, 102);
  EXPECT_EQ(counts.recorded, 2) << "places that are never met again are not recorded";
}

TEST(ReplayedWork, ARecordingThatFailsIsToldOnceAndTheWorkIsRun) {
  Counts counts;
  const auto fails = [](const std::function<void()>&) -> std::unique_ptr<RecordedWork> {
    throw std::runtime_error("operation not permitted\nwhen stream is capturing");
  };
  ReplayedWork work("a grain", fails, counts.say());
  int runs = 0;
  for (int time = 0; time < 4; ++time) work.run({}, [&] { ++runs; });
  EXPECT_EQ(runs, 4);
  ASSERT_EQ(counts.lines.size(), 1U);
  EXPECT_EQ(counts.lines[0], "CUDA graphs: off: recording a grain failed: operation not permitted");
}

}  // namespace
}  // namespace nextframe
