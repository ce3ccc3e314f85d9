#include "trainer/sharding.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/trainer/thread_world.h"
#include "trainer/checkpoint/digest.h"
#include "trainer/gradient_sync.h"
#include "trainer/memory_report.h"
#include "trainer/optimizer.h"

namespace nextframe {
namespace {

constexpr int64_t kGrains = 6;

/// A parameter of several chunks, one smaller than the world, an empty one, one that is used twice,
/// one without a part in the loss and a frozen one.
struct Model : torch::nn::Module {
  Model() {
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(3);  // ranks are threads
    const auto make = [&](const char* name, at::IntArrayRef sizes, bool learns = true) {
      return register_parameter(name, at::randn(sizes, generator) / 4, learns);
    };
    big = make("big", {7, 30011});
    empty = make("empty", {0, 4});
    frozen = make("frozen", {17, 17}, false);
    single = make("single", {1});
    twice = make("twice", {17, 17});
    unused = make("unused", {5});
  }
  at::Tensor loss(int64_t step, int64_t grain) const {
    const double unlike = std::pow(10.0, static_cast<double>((step + grain) % 4));
    auto x = torch::full({1, 17}, 0.1 * static_cast<double>(grain + 1));
    x = at::tanh(at::mm(at::tanh(at::mm(x, twice)), frozen));
    x = at::mm(x, twice) * single;
    return (x.sum() + (big * big).sum() * 1e-3 + (big.select(0, grain) * x.sum()).sum() +
            empty.sum()) *
           unlike;
  }
  at::Tensor big, empty, frozen, single, twice, unused;
};

struct Outcome {
  Hash digest;
  std::vector<double> norms;
  at::Tensor parameters, averaged;
  MemoryReport memory;  // of rank 0
};

/// Some steps on so many ranks.
Outcome train(int64_t world_size, const std::string& shard, bool strict = true,
              int64_t bucket_bytes = 300000) {
  std::vector<Outcome> outcomes(static_cast<size_t>(world_size));
  run_ranks(world_size, [&](Communicator& world) {
    Model model;
    FlatParameters parameters(model);
    Sharding sharding(shard, bucket_bytes, world, parameters);
    Optimizer optimizer({.ema_decay = 0.9}, parameters, sharding.gather());
    GradientSync sync(world, kGrains, strict, sharding.owners());
    sync.follow(parameters, {1, bucket_bytes});
    auto& outcome = outcomes[static_cast<size_t>(world.rank())];
    for (int64_t step = 1; step <= 3; ++step) {
      for (int64_t grain = sync.first_grain(); grain < sync.last_grain(); ++grain) {
        parameters.clear_gradients();
        const auto loss = model.loss(step, grain);
        sync.begin(grain);
        loss.backward();
        sync.add(grain, parameters.gradients());
      }
      const auto sum = sync.finish();
      outcome.norms.push_back(sharding.gradient_norm(sum, world));
      optimizer.update(sum, step, 1e-2, 1 / outcome.norms.back());
      sharding.finish_gathering();
    }
    outcome.digest = state_digest({parameters, optimizer.state(), {3, 24, 1, {}}}, world);
    outcome.parameters = parameters.values().clone();
    optimizer.with_average([&] { outcome.averaged = parameters.values().clone(); });
    EXPECT_TRUE(at::equal(outcome.parameters, parameters.values())) << "not put back";
    outcome.memory = measure_memory(parameters, optimizer, sync, sharding);
  });
  for (const auto& outcome : outcomes) {
    EXPECT_EQ(outcome.digest, outcomes.front().digest) << "ranks differ";
    EXPECT_EQ(outcome.norms, outcomes.front().norms);
    EXPECT_TRUE(at::equal(outcome.parameters, outcomes.front().parameters));
  }
  return outcomes.front();
}

class ShardingOf : public ::testing::TestWithParam<std::string> {};

TEST_P(ShardingOf, ChangesNoBitOnAnyNumberOfRanks) {
  const auto alone = train(1, "none");
  for (const int64_t world_size : {1, 2, 3, 4, 5}) {
    for (const int64_t bucket_bytes : {int64_t{1}, int64_t{300000}, int64_t{1} << 30}) {
      const auto split = train(world_size, GetParam(), true, bucket_bytes);
      EXPECT_EQ(split.digest, alone.digest) << world_size << " ranks, " << bucket_bytes;
      EXPECT_EQ(split.norms, alone.norms);
      EXPECT_TRUE(at::equal(split.parameters, alone.parameters));
      EXPECT_TRUE(at::equal(split.averaged, alone.averaged));
    }
  }
}

TEST_P(ShardingOf, FastSumsComeClose) {
  const auto alone = train(1, "none");
  for (const int64_t world_size : {2, 3}) {
    const auto split = train(world_size, GetParam(), /*strict=*/false);
    EXPECT_TRUE(at::allclose(split.parameters, alone.parameters, 1e-3, 1e-4)) << world_size;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, ShardingOf, ::testing::Values("none", "optimizer"));

TEST(Sharding, MomentsAndAverageShrinkWithTheNumberOfRanks) {
  const auto whole = train(4, "none").memory, split = train(4, "optimizer").memory;
  const auto chunk_bytes = kChunkElements * static_cast<int64_t>(sizeof(float));
  EXPECT_EQ(split.parameters_bytes, whole.parameters_bytes);
  EXPECT_EQ(whole.moments_bytes, 2 * whole.parameters_bytes);
  EXPECT_NEAR(static_cast<double>(split.moments_bytes),
              static_cast<double>(whole.moments_bytes) / 4, static_cast<double>(2 * chunk_bytes));
  EXPECT_NEAR(static_cast<double>(split.average_bytes),
              static_cast<double>(whole.average_bytes) / 4, static_cast<double>(chunk_bytes));
  EXPECT_NE(to_line(split).find("moments"), std::string::npos);
}

}  // namespace
}  // namespace nextframe
