// What is recorded as a CUDA graph has the bits of what is run, and what cannot be recorded leaves
// the device as it was.
#include <ATen/DeviceAccelerator.h>

#include "kernels/graph_recorder.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

/// A linear layer whose tensors stay where they are: forward and backward of one batch.
struct Layer {
  at::Tensor x = on_gpu({64, 128}, 1), weight = on_gpu({96, 128}, 2).requires_grad_(true);
  at::Tensor result = at::zeros({64, 96}, x.options());
  bool forward_asks = false, backward_asks = false;  // the device for a number

  static at::Tensor on_gpu(at::IntArrayRef sizes, uint64_t seed) {
    return random(sizes, seed).to(at::kBFloat16).to(at::kCUDA);
  }

  Layer() { weight.mutable_grad() = at::zeros_like(weight.detach()); }

  void run() {
    weight.mutable_grad().zero_();
    const auto y = at::linear(x, weight);
    if (forward_asks) (void)y.sum().item<float>();
    if (backward_asks) {
      y.register_hook([](const at::Tensor& grad) { (void)grad.sum().item<float>(); });
    }
    y.to(at::kFloat).square().sum().backward();
    result.copy_(y.detach());
  }

  /// Result and gradient.
  std::vector<at::Tensor> outcome() const { return {result.cpu(), weight.grad().cpu()}; }
};

/// Of a batch and weights with such seeds, written where the first ones lie.
template <class F>
std::vector<at::Tensor> outcome_of(Layer& layer, uint64_t seed, const F& run) {
  const at::NoGradGuard no_grad;
  layer.x.copy_(Layer::on_gpu(layer.x.sizes(), seed));
  layer.weight.copy_(Layer::on_gpu(layer.weight.sizes(), seed + 1));
  {
    const at::AutoGradMode with_grad(true);
    run();
  }
  return layer.outcome();
}

void expect_same_bits(const std::vector<at::Tensor>& got, const std::vector<at::Tensor>& needed) {
  ASSERT_EQ(got.size(), needed.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(at::equal(got[i], needed[i])) << i;
}

class GraphOnCuda : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "needs a GPU";
  }

  /// Everything that a broken recording could have broken: work, the allocators, a second recording
  /// of the same work.
  static void expect_recovers(Layer& layer) {
    const auto record = cuda_graph_recorder();
    layer.run();
    EXPECT_ANY_THROW(record([&] { layer.run(); }));
    layer.forward_asks = layer.backward_asks = false;
    const auto run = outcome_of(layer, 7, [&] { layer.run(); });
    at::accelerator::emptyCache();
    const auto recording = record([&] { layer.run(); });
    expect_same_bits(outcome_of(layer, 7, [&] { recording->replay(); }), run);
    at::accelerator::emptyCache();
    expect_same_bits(outcome_of(layer, 7, [&] { layer.run(); }), run);
  }
};

TEST_F(GraphOnCuda, ReplaysForwardAndBackwardWithTheBitsOfWhatIsRun) {
  Layer layer;
  layer.run();
  const auto recording = cuda_graph_recorder()([&] { layer.run(); });
  for (const uint64_t seed : {3, 5, 3}) {
    const auto run = outcome_of(layer, seed, [&] { layer.run(); });
    layer.result.zero_(), layer.weight.mutable_grad().fill_(1);
    expect_same_bits(outcome_of(layer, seed, [&] { recording->replay(); }), run);
  }
}

TEST_F(GraphOnCuda, RecordingRunsNothing) {
  Layer layer;
  layer.run();
  layer.result.zero_();
  const auto recording = cuda_graph_recorder()([&] { layer.run(); });
  EXPECT_TRUE(layer.result.eq(0).all().item<bool>());
}

TEST_F(GraphOnCuda, RecoversFromAForwardThatAsksForANumber) {
  Layer layer;
  layer.forward_asks = true;
  expect_recovers(layer);
}

TEST_F(GraphOnCuda, RecoversFromABackwardThatAsksForANumber) {
  Layer layer;
  layer.backward_asks = true;
  expect_recovers(layer);
}

}  // namespace
}  // namespace nextframe
