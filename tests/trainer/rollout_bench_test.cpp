#include "trainer/bench/rollout_bench.h"

#include <gtest/gtest.h>

#include "kernels/torch.h"
#include "tests/model/tiny.h"

namespace nextframe {
namespace {

/// Counts what it is asked. A frame costs one product, the context three more. What it dreams
/// depends on the memory from the frame on whose actions reach `window`.
class CountingModel final : public WorldModel {
 public:
  explicit CountingModel(int64_t window) : window_(window) {}
  int64_t from_memory = 0, recomputed = 0, in_training = 0;

  LossTerms loss(const Batch&, const at::Tensor&) override { return {}; }
  at::Tensor one_step(const at::Tensor& frames, const at::Tensor&, const RolloutOptions&) override {
    return frames;
  }
  at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                     const RolloutOptions& options) override {
    ++(options.use_cache ? from_memory : recomputed);
    in_training += is_training() ? 1 : 0;
    for (int i = 0; i < 3; ++i) at::mm(square_, square_);
    auto sizes = context_BTHWC.sizes().vec();
    sizes[1] = 1;
    std::vector<at::Tensor> dreamed;
    for (int64_t seen = context_BTHWC.size(1); seen <= actions_BTA.size(1); ++seen) {
      at::mm(square_, square_);
      const bool all_seen = options.use_cache && seen > window_;
      dreamed.push_back(at::full(sizes, all_seen ? 0.75 : 0.25, at::kFloat));
    }
    return at::cat(dreamed, 1);
  }

 private:
  int64_t window_;
  at::Tensor square_ = at::ones({8, 8});
};

RolloutClips clips(int64_t context, int64_t frames) {
  return {at::zeros({2, context, 4, 4, 3}, at::kByte), at::zeros({2, context + frames - 1, 2})};
}

TEST(RolloutBench, BothWaysTakeAsManyTurnsInEvaluation) {
  CountingModel model(5);
  const auto bench = bench_rollout(model, clips(3, 4), {}, {2, false, 5});
  EXPECT_EQ(model.recomputed, 1 + 2 * 2);
  EXPECT_EQ(model.from_memory, 1 + 2 * 2 + 2 * 2);  // the last to count operations
  EXPECT_EQ(model.in_training, 0);
  EXPECT_EQ(bench.clips, 2);
  EXPECT_EQ(bench.frames, 4);
  EXPECT_EQ(bench.dreamed_BTHWC.sizes(), at::IntArrayRef({2, 4, 4, 4, 3}));
  EXPECT_GT(bench.from_memory.first_frame_s, 0);
  EXPECT_GT(bench.recomputed.rollout_s, 0);
}

TEST(RolloutBench, OnlyTheMemoryMeansOnlyTheMemory) {
  CountingModel model(5);
  const auto bench = bench_rollout(model, clips(3, 4), {}, {2, true, 5});
  EXPECT_EQ(model.recomputed, 0);
  EXPECT_GT(bench.from_memory.rollout_s, 0);
  EXPECT_EQ(bench.recomputed.rollout_s, 0);
}

TEST(RolloutBench, DreamsAreComparedAsLongAsTheyLookAtTheSameFrames) {
  CountingModel alike(5), early(4);
  EXPECT_EQ(bench_rollout(alike, clips(3, 4), {}, {1, false, 5}).largest_difference, 0);
  EXPECT_EQ(bench_rollout(early, clips(3, 4), {}, {1, false, 5}).largest_difference, 0.5);
}

TEST(RolloutBench, OperationsAreThoseOfAFurtherFrame) {
  CountingModel model(5);
  for (const int64_t frames : {2, 6}) {
    const auto bench = bench_rollout(model, clips(3, frames), {}, {2, true, 5});
    const auto product =
        std::find_if(bench.operations.begin(), bench.operations.end(),
                     [](const auto& operation) { return operation.name == "mm [8,8] [8,8]"; });
    ASSERT_NE(product, bench.operations.end());
    EXPECT_EQ(product->calls, 1);
  }
  EXPECT_TRUE(bench_rollout(model, clips(3, 1), {}, {2, true, 5}).operations.empty());
}

TEST(RolloutBench, FiguresFollowFromTheMedians) {
  RolloutBench bench;
  bench.clips = 4;
  bench.frames = 11;
  bench.from_memory = {2.2, 0.2};
  bench.recomputed = {6.6, 0.2};
  EXPECT_DOUBLE_EQ(bench.frames_per_s(bench.from_memory), 20);
  EXPECT_DOUBLE_EQ(bench.further_frame_s(bench.from_memory), 0.2);
  EXPECT_DOUBLE_EQ(bench.ratio(), 3);
}

// A model with a memory: one frame of context, window 5, so that five frames are compared.
TEST(RolloutBench, ARealModelDreamsTheSameEitherWay) {
  tiny::Options tiny_options;
  tiny_options.model = "space_time_transformer";
  const auto model = tiny::make(tiny_options);
  {
    const torch::NoGradGuard no_grad;
    for (auto& parameter : model->parameters()) parameter.add_(0.05);  // else it predicts no change
  }
  const auto batch = tiny::clips(tiny_options.shape, 2);
  const RolloutClips real{batch.frames_BTHWC.slice(1, 0, 1), batch.actions_BTA};
  const auto bench = bench_rollout(*model, real, {}, {1, false, 5});
  EXPECT_LT(bench.largest_difference, 1e-5);
  const auto first = bench.dreamed_BTHWC.select(1, 0), last = bench.dreamed_BTHWC.select(1, 4);
  EXPECT_GT((first - last).abs().max().item<double>(), 1e-3);
}

}  // namespace
}  // namespace nextframe
