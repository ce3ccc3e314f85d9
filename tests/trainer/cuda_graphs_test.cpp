#include "trainer/graphs/cuda_graphs.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/trainer/config_texts.h"

namespace nextframe {
namespace {

/// Counts what is recorded and replayed.
struct Counts {
  int recorded = 0, replayed = 0;
  std::vector<std::string> lines;

  GraphRecorder recorder() {
    struct Counted final : RecordedGraph {
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

TEST(ReplayedGraph, RunsOnceRecordsOnceAndReplaysFromThenOn) {
  Counts counts;
  ReplayedGraph work("it", counts.recorder(), counts.say());
  int runs = 0;
  for (int time = 0; time < 5; ++time) work.run({}, [&] { ++runs; });
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(counts.recorded, 1);
  EXPECT_EQ(counts.replayed, 4);
  EXPECT_EQ(work.num_replays(), 4);
}

TEST(ReplayedGraph, WithoutARecorderRunsEachTime) {
  ReplayedGraph work;
  int runs = 0;
  for (int time = 0; time < 3; ++time) work.run({}, [&] { ++runs; });
  EXPECT_EQ(runs, 3);
  EXPECT_FALSE(work.is_on());
}

TEST(ReplayedGraph, ARecordingIsOfThePlacesThatItWasMadeWith) {
  Counts counts;
  ReplayedGraph work("it", counts.recorder(), counts.say());
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
  EXPECT_TRUE(counts.lines.empty()) << "some places are met again";
}

TEST(ReplayedGraph, ARecordingThatFailsIsToldOnceAndTheWorkIsRun) {
  Counts counts;
  const auto fails = [](const std::function<void()>&) -> std::unique_ptr<RecordedGraph> {
    throw std::runtime_error("operation not permitted\nwhen stream is capturing");
  };
  ReplayedGraph work("a grain", fails, counts.say());
  int runs = 0;
  for (int time = 0; time < 4; ++time) work.run({}, [&] { ++runs; });
  EXPECT_EQ(runs, 4);
  ASSERT_EQ(counts.lines.size(), 1U);
  EXPECT_EQ(counts.lines[0],
            "CUDA graphs: off for a grain: recording failed: operation not permitted");
}

TEST(ReplayedGraph, AfterARecordingThatFailsNoneIsKept) {
  struct Held final : RecordedGraph {
    explicit Held(int& number) : alive(++number) {}
    Held(const Held&) = delete;
    ~Held() override { --alive; }
    void replay() override {}
    int& alive;
  };
  int alive = 0, recorded = 0, runs = 0;
  const auto fails_later = [&](const std::function<void()>&) -> std::unique_ptr<RecordedGraph> {
    if (++recorded == 2) throw std::runtime_error("no memory");
    return std::make_unique<Held>(alive);
  };
  Counts counts;
  ReplayedGraph work("it", fails_later, counts.say());
  const char here = 0, there = 0;
  const auto run = [&](const char& place) { work.run({&place}, [&] { ++runs; }); };
  run(here), run(here);
  EXPECT_EQ(alive, 1);
  run(there), run(there);
  EXPECT_EQ(alive, 0) << "nobody replays it any longer";
  EXPECT_EQ(runs, 3);
  for (int time = 0; time < 3; ++time) run(here), run(there);
  EXPECT_EQ(runs, 9);
  EXPECT_EQ(recorded, 2);
  EXPECT_EQ(counts.lines.size(), 1U);
  EXPECT_FALSE(work.is_on());
}

TEST(ReplayedGraph, SaysOnceThatNothingStaysInPlace) {
  Counts counts;
  ReplayedGraph work("the optimizer's step", counts.recorder(), counts.say());
  int runs = 0;
  const std::vector<char> always_new(9);
  for (const char& place : always_new) work.run({&place}, [&] { ++runs; });
  EXPECT_EQ(runs, 9);
  EXPECT_EQ(counts.lines, std::vector<std::string>{"CUDA graphs: off for the optimizer's step: its "
                                                   "tensors do not stay in place"});
  EXPECT_FALSE(work.is_on());
}

struct Chosen {
  bool grains, optimizer;
  std::vector<std::string> lines;
};

Chosen choose(const std::vector<std::string>& overrides, Shard shard, int64_t owned_grains,
              bool has_recorder = true) {
  const auto config = parse_config(with(""), "run.yaml", overrides);
  Chosen chosen;
  const auto any = [](const auto&) { return std::unique_ptr<RecordedGraph>(); };
  const auto choice =
      choose_graphs(config, shard, owned_grains, has_recorder ? GraphRecorder(any) : nullptr,
                    [&](const std::string& line) { chosen.lines.push_back(line); });
  chosen.grains = choice.grains.is_on(), chosen.optimizer = choice.optimizer.is_on();
  return chosen;
}

const std::string kOn = "trainer.cuda_graphs=true";

TEST(GraphChoice, IsOffAndSilentUnlessTheConfigAsks) {
  const auto chosen = choose({}, Shard::none, 4);
  EXPECT_FALSE(chosen.grains || chosen.optimizer);
  EXPECT_TRUE(chosen.lines.empty());
}

TEST(GraphChoice, TakesAllThatCanBeHad) {
  const auto chosen = choose({kOn}, Shard::none, 4);
  EXPECT_TRUE(chosen.grains && chosen.optimizer);
  EXPECT_TRUE(chosen.lines.empty());
}

TEST(GraphChoice, SaysWhyNot) {
  const auto without_gpu = choose({kOn}, Shard::none, 4, false);
  EXPECT_FALSE(without_gpu.grains || without_gpu.optimizer);
  EXPECT_EQ(without_gpu.lines, std::vector<std::string>{"CUDA graphs: off: they need a GPU"});

  const auto one_grain = choose({kOn}, Shard::none, 1);
  EXPECT_TRUE(!one_grain.grains && one_grain.optimizer);
  ASSERT_EQ(one_grain.lines.size(), 1U);
  EXPECT_NE(one_grain.lines[0].find("off for grains"), std::string::npos);

  const auto again = choose({kOn, "trainer.recompute=block"}, Shard::none, 4);
  EXPECT_TRUE(!again.grains && again.optimizer);
  EXPECT_NE(again.lines.at(0).find("trainer.recompute = block"), std::string::npos);

  const auto optimizer = choose({kOn, "parallel.shard=optimizer"}, Shard::optimizer, 4);
  EXPECT_TRUE(optimizer.grains && !optimizer.optimizer);
  EXPECT_NE(optimizer.lines.at(0).find("parallel.shard = optimizer"), std::string::npos);

  for (const auto shard : {Shard::gradients, Shard::parameters}) {
    const auto chosen = choose({kOn, "parallel.shard=gradients"}, shard, 4);
    EXPECT_FALSE(chosen.grains || chosen.optimizer);
    EXPECT_EQ(chosen.lines.size(), 2U);
  }
}

/// A run that was begun without goes on with them, and the other way: the bits are the same.
TEST(GraphChoice, IsNoPartOfARunsIdentity) {
  const auto config = parse_config(with(""), "run.yaml", {kOn});
  EXPECT_EQ(field_of(config, "trainer.cuda_graphs").tag, FieldTag::free);
}

}  // namespace
}  // namespace nextframe
