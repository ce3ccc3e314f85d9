#include <gtest/gtest.h>

#include "tests/trainer/config_texts.h"
#include "trainer/graphs/cuda_graphs.h"

namespace nextframe {
namespace {

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
