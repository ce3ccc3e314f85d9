#include <gtest/gtest.h>

#include <thread>

#include "kernels/torch.h"
#include "tests/trainer/thread_world.h"
#include "trainer/parallel/ddp.h"

namespace nextframe {
namespace {

constexpr int64_t kElements = 1003;

/// Grains of very unlike size, so that another order of additions gives other bits.
std::vector<at::Tensor> grain_gradients(int64_t num_grains, int64_t elements = kElements) {
  at::manual_seed(7);
  std::vector<at::Tensor> gradients;
  for (int64_t g = 0; g < num_grains; ++g)
    gradients.push_back(at::randn({elements}) * std::pow(10.0, g % 5));
  return gradients;
}

at::Tensor sum_on_nodes(int64_t num_nodes, int64_t ranks_per_node, int64_t num_grains, bool strict,
                        int64_t elements = kElements) {
  const auto gradients = grain_gradients(num_grains, elements);
  std::vector<at::Tensor> results(static_cast<size_t>(num_nodes * ranks_per_node));
  run_nodes(num_nodes, ranks_per_node, [&](const ProcessGroups& groups) {
    auto& world = groups.all;
    DdpSync sync(groups, num_grains, strict);
    for (int step = 0; step < 2; ++step) {  // the second step runs on reused buffers
      for (int64_t g = sync.first_grain(); g < sync.last_grain(); ++g)
        sync.begin(g), sync.add(g, gradients[static_cast<size_t>(g)]);
      results[static_cast<size_t>(world.rank())] = sync.finish().clone();
    }
  });
  for (const auto& result : results)
    EXPECT_TRUE(at::equal(result, results.front())) << "ranks differ";
  return results.front();
}

at::Tensor sum_on(int64_t world_size, int64_t num_grains, bool strict,
                  int64_t elements = kElements) {
  return sum_on_nodes(1, world_size, num_grains, strict, elements);
}

TEST(DdpSync, StrictSumHasTheSameBitsOnAnyNumberOfRanks) {
  for (const int64_t num_grains : {1, 2, 5, 8, 12}) {
    const auto alone = sum_on(1, num_grains, true);
    for (int64_t world_size = 2; world_size <= std::min<int64_t>(num_grains, 7); ++world_size) {
      EXPECT_TRUE(at::equal(alone, sum_on(world_size, num_grains, true)))
          << num_grains << " on " << world_size;
    }
  }
}

TEST(DdpSync, AnExchangeInSeveralPiecesHasTheSameBits) {
  constexpr int64_t kManyElements = (int64_t{5} << 19) + 37;  // two pieces and a half, and padding
  const auto alone = sum_on(1, 5, true, kManyElements);
  for (const int64_t world_size : {2, 3})
    EXPECT_TRUE(at::equal(alone, sum_on(world_size, 5, true, kManyElements))) << world_size;
}

TEST(DdpSync, OnNodesTheStrictSumHasTheSameBits) {
  // 2 of 2 with 5 to 12 grains: nodes that finish one node of the tree, and several.
  for (const auto& [nodes, ranks] : {std::pair{2, 2}, {3, 2}, {2, 3}}) {
    for (int64_t num_grains = nodes * ranks; num_grains <= 13; ++num_grains) {
      EXPECT_TRUE(
          at::equal(sum_on(1, num_grains, true), sum_on_nodes(nodes, ranks, num_grains, true)))
          << num_grains << " on " << nodes << " nodes of " << ranks;
    }
  }
  constexpr int64_t kManyElements = (int64_t{5} << 19) + 37;  // several pieces
  for (const int64_t num_grains : {5, 8}) {
    EXPECT_TRUE(at::equal(sum_on(1, num_grains, true, kManyElements),
                          sum_on_nodes(2, 2, num_grains, true, kManyElements)));
  }
}

TEST(DdpSync, TheTreeIsNotTheRunningSum) {
  // The test above means something only if the order of additions shows in the bits.
  const auto gradients = grain_gradients(8);
  auto running = gradients[0].clone();
  for (size_t g = 1; g < gradients.size(); ++g) running.add_(gradients[g]);
  EXPECT_FALSE(at::equal(running, sum_on(1, 8, true)));
  EXPECT_TRUE(at::allclose(running, sum_on(1, 8, true), 1e-4, 1e-1));
}

TEST(DdpSync, FastSumIsTheSumOfAllGrains) {
  const auto strict = sum_on(1, 8, true);
  for (const int64_t world_size : {1, 2, 3})
    EXPECT_TRUE(at::allclose(strict, sum_on(world_size, 8, false), 1e-4, 1e-1));
}

// ---- While backward runs

/// Three layers, and one that takes no part in the loss.
struct Layers : torch::nn::Module {
  Layers() {
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(3);  // ranks are threads
    for (const char* name : {"a", "b", "c", "unused"})
      weights.push_back(register_parameter(name, at::randn({17, 17}, generator) / 4));
  }
  at::Tensor loss(int64_t grain) const {
    auto x = at::full({1, 17}, 0.1 * static_cast<double>(grain + 1));
    for (size_t i = 0; i < 3; ++i) x = at::tanh(at::mm(x, weights[i])) * std::pow(10.0, grain % 3);
    return x.sum();
  }
  std::vector<at::Tensor> weights;
};

struct Followed {
  at::Tensor sum;
  size_t num_buckets = 0;
  int64_t started_in_backward = 0;  // over all ranks, in the last step
};

/// Three steps of a model on so many ranks.
Followed train(int64_t world_size, bool strict, BucketBytes bytes, bool follows) {
  constexpr int64_t kGrains = 6;
  std::vector<Followed> results(static_cast<size_t>(world_size));
  run_ranks(world_size, [&](Communicator& world) {
    Layers model;
    FlatParameters parameters(model);
    DdpSync sync(world, kGrains, strict);
    if (follows) sync.overlap_backward(parameters, bytes);
    auto& result = results[static_cast<size_t>(world.rank())];
    for (int step = 0; step < 3; ++step) {
      for (int64_t g = sync.first_grain(); g < sync.last_grain(); ++g) {
        parameters.clear_gradients();
        const auto loss = model.loss(g);
        sync.begin(g);
        loss.backward();
        result.started_in_backward = static_cast<int64_t>(sync.num_started());
        sync.add(g, parameters.gradients());
      }
      result.sum = sync.finish().clone();
    }
    result.num_buckets = sync.num_buckets();
  });
  for (const auto& result : results)
    EXPECT_TRUE(at::equal(result.sum, results.front().sum)) << "ranks differ";
  return results.front();
}

TEST(DdpSync, BucketsDoNotChangeABit) {
  const auto alone = train(1, true, {}, true);
  EXPECT_EQ(alone.num_buckets, 1u) << "a lone rank has nothing to hide";
  for (const int64_t world_size : {2, 3, 5}) {
    for (const BucketBytes bytes : {BucketBytes{1, 1}, BucketBytes{1, 3000}, BucketBytes{}}) {
      const auto followed = train(world_size, true, bytes, true);
      EXPECT_TRUE(at::equal(alone.sum, followed.sum)) << world_size << " of " << bytes.others;
      EXPECT_TRUE(at::equal(alone.sum, train(world_size, true, bytes, false).sum));
    }
  }
}

TEST(DdpSync, AnOrderOfAnEarlierStartIsUsedFromTheFirstStepOn) {
  const std::vector<std::string> order = {"b", "unused", "a", "c"};
  const std::vector<std::vector<std::string>> others = {
      {}, {"a", "b", "c"}, {"a", "b", "c", "d"}, {"a", "a", "b", "c", "unused"}};
  run_ranks(2, [&](Communicator& world) {
    Layers model;
    FlatParameters parameters(model);
    DdpSync sync(world, 2, true);
    sync.overlap_backward(parameters, {1, 1});
    EXPECT_TRUE(sync.order().empty());
    for (const auto& other : others) sync.take_order(other);
    EXPECT_TRUE(sync.order().empty()) << "another model's order";
    sync.take_order(order);
    EXPECT_EQ(sync.num_buckets(), 4u);
    for (int step = 0; step < 2; ++step) {
      parameters.clear_gradients();
      const auto loss = model.loss(world.rank());
      sync.begin(world.rank());
      loss.backward();
      EXPECT_EQ(sync.num_started(), 1u) << "the second bucket waits for what takes no part";
      sync.add(world.rank(), parameters.gradients());
      sync.finish();
      EXPECT_EQ(sync.order(), order);
    }
  });
}

TEST(DdpSync, TheOrderThatIsTakenIsTheOrderThatWasRecorded) {
  run_ranks(2, [&](Communicator& world) {
    Layers model;
    FlatParameters parameters(model);
    DdpSync sync(world, 2, true);
    sync.overlap_backward(parameters, {1, 1});
    parameters.clear_gradients();
    sync.begin(world.rank());
    model.loss(world.rank()).backward();
    sync.add(world.rank(), parameters.gradients());
    sync.finish();
    EXPECT_EQ(sync.order(), (std::vector<std::string>{"c", "b", "a", "unused"}));
  });
}

TEST(DdpSync, ExchangesABucketBeforeBackwardEnds) {
  const auto followed = train(2, true, {1, 1}, true);
  EXPECT_EQ(followed.num_buckets, 4u);
  EXPECT_EQ(followed.started_in_backward, 3) << "all but that of the parameter without a gradient";
  EXPECT_EQ(train(2, true, {1, 1}, false).started_in_backward, 0);
}

TEST(DdpSync, FastBucketsSumAllGrains) {
  const auto strict = train(1, true, {}, true).sum;
  EXPECT_TRUE(at::allclose(train(3, false, {1, 1}, true).sum, strict, 1e-4, 1e-4));
}

TEST(DdpSync, MoreRanksThanGrainsAreRefused) {
  run_ranks(3, [](Communicator& world) { EXPECT_THROW(DdpSync(world, 2, true), c10::Error); });
}

}  // namespace
}  // namespace nextframe
