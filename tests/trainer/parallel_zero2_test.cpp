#include <gtest/gtest.h>

#include <cmath>

#include "kernels/torch.h"
#include "tests/trainer/thread_world.h"
#include "trainer/parallel/zero2.h"

namespace nextframe {
namespace {

constexpr int64_t kLayers = 8;
constexpr int64_t kWidth = 64;

/// Layers of one size, and one whose gradient is a negative zero.
struct EqualLayers : torch::nn::Module {
  EqualLayers() {
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(3);  // ranks are threads
    for (int64_t i = 0; i < kLayers; ++i)
      weights.push_back(
          register_parameter(c10::str("w", i), at::randn({kWidth, kWidth}, generator) / 8));
    flat = register_parameter("flat", at::ones({3}));
  }
  at::Tensor loss(int64_t grain) const {
    auto x = at::full({1, kWidth}, 0.1 * static_cast<double>(grain + 1));
    for (const auto& weight : weights) x = at::tanh(at::mm(x, weight));
    return x.sum() + (flat * -0.0).sum();
  }
  std::vector<at::Tensor> weights;
  at::Tensor flat;
};

TEST(Zero2Sync, GradientsLeaveMemoryWhileBackwardRuns) {
  run_ranks(3, [](Communicator& world) {
    EqualLayers model;
    FlatParameters parameters(model, /*has_gradient_buffer=*/false);
    const ChunkOwners owners(parameters, world.size());
    const GrainOwners grains{7, world.size(), true};
    Zero2Sync sync(world, grains, true, owners, parameters, {1, 1});  // a tensor a bucket
    const int64_t whole_bytes = parameters.values().numel() * 4;
    at::Tensor sum;
    for (int step = 0; step < 2; ++step) {
      for (int64_t round = 0; round < grains.num_rounds(); ++round) {
        const int64_t grain = grains.grain(world.rank(), round);
        const auto loss = model.loss(grain % 7);
        sync.begin(grain);
        loss.backward();
        EXPECT_GE(sync.num_started(), static_cast<size_t>(kLayers));
        sync.add(grain, {});
        for (const auto& parameter : parameters.parameters())
          EXPECT_FALSE(parameter.grad().defined());
      }
      sum = sync.finish();
    }
    EXPECT_LT(sync.gradient_bytes(), whole_bytes * 2 / 3) << "a third, and what is on its way";
    for (const auto& span : owners.spans(world.rank())) {
      if (parameters.layout()[static_cast<size_t>(span.tensor)].name != "flat") continue;
      EXPECT_FALSE(std::signbit(sum[span.offset].item<float>())) << "0 + -0 is 0";
    }
  });
}

}  // namespace
}  // namespace nextframe
