#include "kernels/draws.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace nextframe {
namespace {

const auto kDraw = as_tensor({11, 5});

at::Tensor ids(std::initializer_list<int64_t> values) { return at::tensor(values, at::kLong); }

TEST(Draws, ASampleDrawsTheSameInAnyBatch) {
  for (const auto draw : {draw_uniform, draw_normal}) {
    const auto together = draw(kDraw, DrawStream::noise, ids({7, 8, 9}), {3, 5});
    const auto alone = draw(kDraw, DrawStream::noise, ids({8}), {3, 5});
    EXPECT_TRUE(at::equal(together.slice(0, 1, 2), alone));
    EXPECT_FALSE(at::equal(together[0], together[1]));
  }
}

TEST(Draws, DependOnSeedStepAndStream) {
  const auto base = draw_normal(kDraw, DrawStream::noise, ids({7}), {9});
  EXPECT_FALSE(at::equal(base, draw_normal(as_tensor({12, 5}), DrawStream::noise, ids({7}), {9})));
  EXPECT_FALSE(at::equal(base, draw_normal(as_tensor({11, 6}), DrawStream::noise, ids({7}), {9})));
  EXPECT_FALSE(at::equal(base, draw_normal(kDraw, DrawStream::rollout, ids({7}), {9})));
}

TEST(Draws, AreKeyedBySeedStreamStepAndSampleId) {
  constexpr uint64_t kSeed = 0xFEDCBA9876543210ull, kDrawStep = 1ull << 40;
  const auto drawn =
      draw_uniform(as_tensor({kSeed, kDrawStep}), DrawStream::noise, ids({7, -1}), {4});
  for (const int64_t row : {0, 1}) {
    const auto id = static_cast<uint64_t>(row == 0 ? 7 : -1);
    const Philox block(draw_key({kSeed, kDrawStep}, DrawStream::noise, id), 0, 0);
    for (int64_t i = 0; i < 4; ++i)
      EXPECT_EQ(drawn[row][i].item<float>(), uniform_from_bits(block.value[i]));
  }
}

TEST(Draws, AShorterDrawIsTheStartOfALonger) {
  const auto longer = draw_normal(kDraw, DrawStream::noise, ids({7}), {10});
  const auto shorter = draw_normal(kDraw, DrawStream::noise, ids({7}), {7});
  EXPECT_TRUE(at::equal(longer.slice(1, 0, 7), shorter));
}

TEST(Draws, UniformsFillTheUnitInterval) {
  const auto values = draw_uniform(kDraw, DrawStream::noise, ids({1}), {100000});
  EXPECT_GE(values.min().item<float>(), 0.0f);
  EXPECT_LT(values.max().item<float>(), 1.0f);
  EXPECT_NEAR(values.mean().item<double>(), 0.5, 0.005);
  EXPECT_NEAR(values.var().item<double>(), 1.0 / 12, 0.002);
}

TEST(Draws, NormalsHaveTheMomentsOfANormal) {
  const auto values = draw_normal(kDraw, DrawStream::noise, ids({1}), {200000}).to(at::kDouble);
  EXPECT_NEAR(values.mean().item<double>(), 0, 0.01);
  EXPECT_NEAR(values.square().mean().item<double>(), 1, 0.02);
  EXPECT_NEAR(values.pow(3).mean().item<double>(), 0, 0.05);
  EXPECT_NEAR(values.pow(4).mean().item<double>(), 3, 0.1);
  const auto pairs = values.view({-1, 2});
  EXPECT_NEAR((pairs.select(1, 0) * pairs.select(1, 1)).mean().item<double>(), 0, 0.01);
}

TEST(Draws, ParametersDependOnSeedAndNameAlone) {
  const auto weight = draw_parameter(3, "blocks.0.weight", {4, 6}, 0.5);
  EXPECT_TRUE(at::equal(weight, draw_parameter(3, "blocks.0.weight", {4, 6}, 0.5)));
  EXPECT_TRUE(at::equal(weight * 2, draw_parameter(3, "blocks.0.weight", {4, 6}, 1.0)));
  EXPECT_FALSE(at::equal(weight, draw_parameter(3, "blocks.1.weight", {4, 6}, 0.5)));
  EXPECT_FALSE(at::equal(weight, draw_parameter(4, "blocks.0.weight", {4, 6}, 0.5)));
}

TEST(Draws, SampleIdsOrADrawOfAnotherTypeAreRefused) {
  EXPECT_THROW(draw_uniform(kDraw, DrawStream::noise, at::ones({2}), {3}), c10::Error);
  EXPECT_THROW(draw_uniform(at::ones({2}), DrawStream::noise, ids({1}), {3}), c10::Error);
}

}  // namespace
}  // namespace nextframe
