#include <gtest/gtest.h>

#include <array>

#include "kernels/torch.h"
#include "tests/trainer/thread_world.h"
#include "trainer/checkpoint/digest.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/parallel/fsdp.h"
#include "trainer/parallel/sharding.h"
#include "trainer/recompute.h"
#include "trainer/records/memory_report.h"

namespace nextframe {
namespace {

constexpr int64_t kShardedGrains = 6;

/// Matrices of several chunks in blocks, and outside of them: a parameter of several chunks, one
/// smaller than the world, an empty one, one that is used twice, one without a part in the loss and
/// a frozen one.
struct ShardedModel : torch::nn::Module {
  ShardedModel() {
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(3);  // ranks are threads
    const auto make = [&](const char* name, at::IntArrayRef sizes, bool learns = true) {
      return register_parameter(name, at::randn(sizes, generator) / 4, learns);
    };
    for (const int64_t i : {0, 1, 2}) {
      const auto block = std::make_shared<torch::nn::Module>();
      blocks.push_back(block->register_parameter("weight", at::randn({17, 17}, generator) / 4));
      gains.push_back(block->register_parameter("gain", at::randn({6, 15000}, generator) / 4));
      trunk->register_module(std::to_string(i), block);
    }
    register_module("blocks", trunk);
    big = make("big", {7, 30011});
    empty = make("empty", {0, 4});
    frozen = make("frozen", {17, 17}, false);
    single = make("single", {1});
    twice = make("twice", {17, 17});
    unused = make("unused", {5});
  }
  at::Tensor loss(int64_t step, int64_t grain) const {
    const double unlike = std::pow(10.0, static_cast<double>((step + grain) % 4));
    auto x = at::full({1, 17}, 0.1 * static_cast<double>(grain + 1));
    x = at::tanh(at::mm(at::tanh(at::mm(x, twice)), frozen));
    for (size_t i = 0; i < blocks.size(); ++i) {
      const auto block = [weight = blocks[i], gain = gains[i]](const at::Tensor& h) {
        return h + at::tanh(at::mm(h, weight)) * (gain * gain).mean();
      };
      x = runner->run(static_cast<int64_t>(i), {nullptr, block}, x);
    }
    x = at::mm(x, twice) * single;
    return (x.sum() + (big * big).sum() * 1e-3 + (big.select(0, grain) * x.sum()).sum() +
            empty.sum()) *
           unlike;
  }
  std::shared_ptr<BlockRunner> runner = std::make_shared<BlockRunner>();
  std::shared_ptr<torch::nn::Module> trunk = std::make_shared<torch::nn::Module>();
  std::vector<at::Tensor> blocks, gains;
  at::Tensor big, empty, frozen, single, twice, unused;
};

struct ShardedOutcome {
  Hash digest;
  std::vector<double> norms;
  at::Tensor averaged;
  MemoryReport memory;  // of rank 0
};

at::Tensor whole(const FlatParameters& parameters) {
  std::vector<at::Tensor> flat;
  for (const auto& parameter : parameters.parameters())
    flat.push_back(parameter.detach().reshape({-1}).clone());
  return at::cat(flat);
}

/// Some steps on nodes of so many ranks each.
ShardedOutcome train_on_nodes(int64_t num_nodes, int64_t ranks_per_node,
                              const std::string& shard_name, bool strict = true,
                              int64_t bucket_bytes = 300000, const std::string& recompute = "none",
                              const std::string& matrices = "adamw") {
  std::vector<ShardedOutcome> outcomes(static_cast<size_t>(num_nodes * ranks_per_node));
  run_nodes(num_nodes, ranks_per_node, [&](const ProcessGroups& groups) {
    auto& world = groups.all;
    ShardedModel model;
    const auto shard = parse_shard(shard_name, groups.shard_group().size());
    FlatParameters parameters(model, shard < Shard::gradients);
    const UpdateRules rules({.matrices = matrices, .ema_decay = 0.9}, parameters,
                            [](const std::string& name) { return name.ends_with("gain") ? 2 : 1; });
    Sharding sharding(shard, bucket_bytes, groups, parameters, rules.stays_whole());
    Optimizer optimizer(parameters, rules, &sharding);
    const auto sync = sharding.make_gradient_sync(kShardedGrains, strict, {1, bucket_bytes});
    const auto grains = sharding.grain_owners(kShardedGrains);
    if (recompute != "none") model.runner = make_recompute_runner(recompute);
    if (sharding.fsdp() != nullptr)
      model.runner = std::make_shared<FsdpRunner>(*sharding.fsdp(), model.runner);
    auto& outcome = outcomes[static_cast<size_t>(world.rank())];
    for (int64_t step = 1; step <= 3; ++step) {
      for (int64_t i = 0; i < grains.num_passes(world.rank()); ++i) {
        const int64_t grain = grains.grain(world.rank(), i);
        sharding.begin_grain();
        parameters.clear_gradients();
        const auto loss = model.loss(step, grain % kShardedGrains);
        sync->begin(grain);
        loss.backward();
        sync->add(grain, parameters.gradients());
      }
      sharding.end_backward();
      const auto sum = sync->finish();
      outcome.norms.push_back(sharding.gradient_norm(sum, world).value);
      optimizer.update(sum, step, 1e-2, 1 / outcome.norms.back());
      sharding.finish_gathering();
    }
    outcome.digest = state_digest({parameters, optimizer.state(), {3, 24, 1, {}, {}}}, world);
    optimizer.with_average([&] { outcome.averaged = whole(parameters); });
    outcome.memory = measure_memory(parameters, optimizer, *sync, sharding);
  });
  for (const auto& outcome : outcomes) {
    EXPECT_EQ(outcome.digest, outcomes.front().digest) << "ranks differ";
    EXPECT_EQ(outcome.norms, outcomes.front().norms);
    EXPECT_TRUE(at::equal(outcome.averaged, outcomes.front().averaged));
  }
  return outcomes.front();
}

ShardedOutcome train(int64_t world_size, const std::string& shard_name, bool strict = true,
                     int64_t bucket_bytes = 300000, const std::string& recompute = "none",
                     const std::string& matrices = "adamw") {
  return train_on_nodes(1, world_size, shard_name, strict, bucket_bytes, recompute, matrices);
}

class ShardingOf : public ::testing::TestWithParam<std::string> {};

TEST_P(ShardingOf, ChangesNoBitOnAnyNumberOfRanks) {
  const auto alone = train(1, "none");
  for (const int64_t world_size : {1, 2, 3, 4, 5}) {
    for (const int64_t bucket_bytes : {int64_t{1}, int64_t{300000}, int64_t{1} << 30}) {
      const auto split = train(world_size, GetParam(), true, bucket_bytes);
      EXPECT_EQ(split.digest, alone.digest) << world_size << " ranks, " << bucket_bytes;
      EXPECT_EQ(split.norms, alone.norms);
      EXPECT_TRUE(at::equal(split.averaged, alone.averaged));
    }
  }
}

TEST_P(ShardingOf, ChangesNoBitOnNodesThatHaveACopyEach) {
  const auto alone = train(1, "none");
  // Of six grains one of two nodes makes several nodes of the tree, one of three a single one.
  for (const auto& [nodes, ranks, bucket_bytes] :
       {std::array<int64_t, 3>{2, 2, 1}, {2, 2, 300000}, {3, 2, 300000}}) {
    const auto split = train_on_nodes(nodes, ranks, GetParam(), true, bucket_bytes);
    EXPECT_EQ(split.digest, alone.digest) << nodes << " of " << ranks << ", " << bucket_bytes;
    EXPECT_EQ(split.norms, alone.norms);
    EXPECT_TRUE(at::equal(split.averaged, alone.averaged));
  }
}

TEST_P(ShardingOf, ChangesNoBitOfMuon) {
  const auto alone = train(1, "none", true, 300000, "none", "muon");
  EXPECT_NE(alone.digest, train(1, "none").digest);
  const auto expect_same = [&](const ShardedOutcome& split, const std::string& where) {
    EXPECT_EQ(split.digest, alone.digest) << where;
    EXPECT_EQ(split.norms, alone.norms) << where;
    EXPECT_TRUE(at::equal(split.averaged, alone.averaged)) << where;
  };
  for (const int64_t world_size : {1, 2, 3, 4, 5}) {
    for (const int64_t bucket_bytes : {int64_t{1}, int64_t{300000}}) {
      expect_same(train(world_size, GetParam(), true, bucket_bytes, "none", "muon"),
                  c10::str(world_size, " ranks, buckets of ", bucket_bytes));
    }
  }
  expect_same(train(2, GetParam(), true, 300000, "block", "muon"), "blocks that run again");
  expect_same(train_on_nodes(2, 2, GetParam(), true, 300000, "none", "muon"), "two nodes");
}

TEST_P(ShardingOf, FastSumsComeCloseOnNodes) {
  const auto alone = train(1, "none");
  const auto split = train_on_nodes(2, 2, GetParam(), /*strict=*/false);
  EXPECT_NEAR(split.norms.back() / alone.norms.back(), 1, 1e-4);
  EXPECT_LT((split.averaged - alone.averaged).abs().mean().item<double>(), 1e-5);
}

TEST_P(ShardingOf, GoesWithBlocksThatRunAgain) {
  const auto alone = train(1, "none");
  for (const int64_t world_size : {2, 4})
    EXPECT_EQ(train(world_size, GetParam(), true, 300000, "block").digest, alone.digest);
}

TEST_P(ShardingOf, FastSumsComeClose) {
  const auto alone = train(1, "none");
  for (const int64_t world_size : {2, 3}) {
    const auto split = train(world_size, GetParam(), /*strict=*/false);
    EXPECT_NEAR(split.norms.back() / alone.norms.back(), 1, 1e-4) << world_size;
    EXPECT_LT((split.averaged - alone.averaged).abs().mean().item<double>(), 1e-5) << world_size;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, ShardingOf,
                         ::testing::Values("none", "optimizer", "gradients", "parameters"));

TEST(Sharding, OnNodesWhatIsSplitShrinksWithTheRanksOfANode) {
  for (const char* shard : {"optimizer", "gradients", "parameters"}) {
    const auto world = train(2, shard).memory, node = train_on_nodes(2, 2, shard).memory;
    EXPECT_EQ(node.moments_bytes, world.moments_bytes) << shard;
    EXPECT_EQ(node.average_bytes, world.average_bytes) << shard;
    EXPECT_EQ(node.parameters_bytes, world.parameters_bytes) << shard;
  }
}

TEST(Sharding, WhatIsSplitShrinksWithTheNumberOfRanks) {
  const double slack = 3.0 * kChunkElements * sizeof(float);  // a chunk more, and alignment
  const auto whole = train(4, "none").memory;
  const auto quarter = static_cast<double>(whole.parameters_bytes) / 4;
  EXPECT_EQ(whole.moments_bytes, 2 * whole.parameters_bytes);
  for (const char* shard : {"optimizer", "gradients", "parameters"}) {
    const auto split = train(4, shard).memory;
    EXPECT_NEAR(static_cast<double>(split.moments_bytes), 2 * quarter, slack) << shard;
    EXPECT_NEAR(static_cast<double>(split.average_bytes), quarter, slack) << shard;
    EXPECT_NE(to_line(split).find("moments"), std::string::npos);
  }
  EXPECT_EQ(train(4, "gradients").memory.parameters_bytes, whole.parameters_bytes);
  EXPECT_LT(train(4, "gradients").memory.gradients_bytes, whole.gradients_bytes);
  EXPECT_LT(train(4, "parameters").memory.parameters_bytes, whole.parameters_bytes * 3 / 2);
}

}  // namespace
}  // namespace nextframe
