#include "trainer/gradient_sync.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <thread>

#include "tests/trainer/thread_world.h"

namespace nextframe {
namespace {

constexpr int64_t kElements = 1003;

/// Grains of very unlike size, so that another order of additions gives other bits.
std::vector<at::Tensor> grain_gradients(int64_t num_grains) {
  torch::manual_seed(7);
  std::vector<at::Tensor> gradients;
  for (int64_t g = 0; g < num_grains; ++g)
    gradients.push_back(torch::randn({kElements}) * std::pow(10.0, g % 5));
  return gradients;
}

at::Tensor sum_on(int64_t world_size, int64_t num_grains, bool strict) {
  const auto gradients = grain_gradients(num_grains);
  std::vector<at::Tensor> results(static_cast<size_t>(world_size));
  run_ranks(world_size, [&](Communicator& world) {
    GradientSync sync(world, num_grains, strict);
    for (int step = 0; step < 2; ++step) {  // the second step runs on reused buffers
      for (int64_t g = sync.first_grain(); g < sync.last_grain(); ++g)
        sync.add(g, gradients[static_cast<size_t>(g)]);
      results[static_cast<size_t>(world.rank())] = sync.finish().clone();
    }
  });
  for (const auto& result : results)
    EXPECT_TRUE(at::equal(result, results.front())) << "ranks differ";
  return results.front();
}

TEST(GradientSync, StrictSumHasTheSameBitsOnAnyNumberOfRanks) {
  for (const int64_t num_grains : {1, 2, 5, 8, 12}) {
    const auto alone = sum_on(1, num_grains, true);
    for (int64_t world_size = 2; world_size <= std::min<int64_t>(num_grains, 7); ++world_size) {
      EXPECT_TRUE(at::equal(alone, sum_on(world_size, num_grains, true)))
          << num_grains << " on " << world_size;
    }
  }
}

TEST(GradientSync, TheTreeIsNotTheRunningSum) {
  // The test above means something only if the order of additions shows in the bits.
  const auto gradients = grain_gradients(8);
  auto running = gradients[0].clone();
  for (size_t g = 1; g < gradients.size(); ++g) running.add_(gradients[g]);
  EXPECT_FALSE(at::equal(running, sum_on(1, 8, true)));
  EXPECT_TRUE(at::allclose(running, sum_on(1, 8, true), 1e-4, 1e-1));
}

TEST(GradientSync, FastSumIsTheSumOfAllGrains) {
  const auto strict = sum_on(1, 8, true);
  for (const int64_t world_size : {1, 2, 3})
    EXPECT_TRUE(at::allclose(strict, sum_on(world_size, 8, false), 1e-4, 1e-1));
}

TEST(GradientSync, MoreRanksThanGrainsAreRefused) {
  run_ranks(3, [](Communicator& world) { EXPECT_THROW(GradientSync(world, 2, true), c10::Error); });
}

}  // namespace
}  // namespace nextframe
