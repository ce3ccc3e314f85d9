#include "model/objective/denoising.h"

#include <gtest/gtest.h>

#include "tests/model/fake_network.h"
#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using tiny::cut;
using tiny::FakeNetwork;
using tiny::noise_clip;

constexpr double kChange = 0.2;
constexpr double kContextLevel = 0.9;
const DenoisingConfig kConfig{.context_level = kContextLevel, .change_scale = kChange};

at::Tensor zeros_like_x(const NetworkInput& all) { return at::zeros_like(all.x_BT); }

at::Tensor level(double value) { return at::full({1, 1}, value, at::kFloat); }

/// The variance of the noise of a frame that is divided by its level.
double noise_variance(double level) { return std::pow((1 - level) / level, 2); }

TEST(Precondition, GivesMeanAndDeviationOfWhatTheFrameBeforeSays) {
  for (const double own : {0.1, 0.5, 0.96}) {
    for (const double before : {0.2, 0.9}) {
      const auto factors = precondition(level(own), level(before), kChange);
      const double of_prior = 1 / 0.5, of_before = 1 / (kChange * kChange + noise_variance(before));
      const double sum = of_prior + of_before;
      EXPECT_NEAR(factors.of_before_BT.item<double>(), of_before / before / sum, 1e-5);
      EXPECT_NEAR(std::pow(factors.c_out_BT.item<double>(), 2), 1 / sum, 1e-5);
    }
  }
}

TEST(Precondition, HasNoSpecialCaseAtPureNoiseAndAtClean) {
  const auto noise = precondition(level(0), level(1), kChange);
  EXPECT_NEAR(noise.of_before_BT.item<double>(), 1, 0.08);
  EXPECT_NEAR(noise.c_out_BT.item<double>(), kChange, 0.01);
  const auto clean = precondition(level(1), level(0), kChange);
  EXPECT_EQ(clean.of_before_BT.item<float>(), 0);
  EXPECT_FLOAT_EQ(clean.c_out_BT.item<float>(), std::sqrt(0.5F));
}

TEST(Precondition, HidesAFrameThatIsPureNoiseBehindTheFrameBefore) {
  const auto factors = precondition(level(0), level(1), kChange);
  EXPECT_NEAR(factors.c_in_BT.item<double>(), kChange / 10, 0.002);
  EXPECT_FLOAT_EQ(precondition(level(1), level(1), kChange).c_in_BT.item<float>(), 1);
}

NetworkInput input_of(const at::Tensor& x_BT, const at::Tensor& level_BT) {
  return {.x_BT = x_BT,
          .actions_BTA = at::zeros({x_BT.size(0), x_BT.size(1), 0}),
          .level_BT = level_BT,
          .num_steps_BT = {}};
}

TEST(PreconditionedNetwork, GuessesInTrainingAsInSampling) {
  const auto same = [](const NetworkInput& all) { return all.x_BT; };
  const auto x_BT = at::randn({2, 4, 3, 2});
  const auto level_BT = at::full({2, 4}, kContextLevel, at::kFloat);
  level_BT.select(1, 3).fill_(0.25);
  FakeNetwork at_once(same), in_turn(same);
  PreconditionedNetwork training(at_once, kConfig, x_BT), sampling(in_turn, kConfig);
  const auto guess_BT = training.peek(input_of(x_BT, level_BT)).x_BT;
  sampling.append(input_of(x_BT.slice(1, 0, 3), level_BT.slice(1, 0, 3)));
  const auto last_BT = sampling.peek(input_of(x_BT.slice(1, 3), level_BT.slice(1, 3))).x_BT;
  EXPECT_TRUE(at::allclose(last_BT, guess_BT.slice(1, 3), 1e-6, 1e-6));
  EXPECT_TRUE(at::equal(in_turn.seen.back().x_BT, at_once.seen.back().x_BT));
  EXPECT_TRUE(at::equal(at_once.seen.back().x_BT.slice(1, 0, 3), x_BT.slice(1, 0, 3)));
}

TEST(PreconditionedNetwork, KnowsTheFrameBeforeHoweverNoisyItIsShown) {
  const auto zero_BT = [](const NetworkInput& all) { return at::zeros_like(all.x_BT); };
  const auto past_BT = at::rand({1, 3, 50}) - 0.5, noise_BT = at::randn({1, 3, 50});
  FakeNetwork network(zero_BT);
  const DenoisingConfig config{.context_level = 1, .change_scale = 0.01};
  PreconditionedNetwork training(network, config, past_BT);
  const auto guess_BT = training.peek(input_of(noise_BT, at::zeros({1, 3}))).x_BT;
  EXPECT_EQ(guess_BT.select(1, 0).abs().max().item<float>(), 0);  // nothing is known of the first
  EXPECT_TRUE(at::allclose(guess_BT.slice(1, 1), past_BT.slice(1, 0, 2), 1e-3, 1e-5));
}

TEST(PreconditionedNetwork, WithoutAScaleOfChangeLooksAtFramesAsTheyAre) {
  const auto x_BT = at::randn({1, 2, 3});
  FakeNetwork network([](const NetworkInput& all) { return all.x_BT * 2; });
  PreconditionedNetwork plain(network, {}, x_BT + 1);
  const auto guess_BT = plain.peek(input_of(x_BT, at::zeros({1, 2}))).x_BT;
  EXPECT_TRUE(at::equal(guess_BT, x_BT * 2));
  EXPECT_TRUE(at::equal(network.seen[0].x_BT, x_BT));
}

TEST(SampleNextFrame, ANetworkThatSaysNothingRepeatsTheLastFrame) {
  const auto clip = cut(noise_clip(), 0, 5);
  for (const int64_t steps : {1, 4}) {
    FakeNetwork network(zeros_like_x);
    const auto frame = sample_next_frame(network, clip,
                                         {.how = {.context_level = 1, .change_scale = 0.01},
                                          .context_steps = {},
                                          .sample_steps = {}},
                                         {steps, 3});
    EXPECT_TRUE(at::allclose(frame, clip.x_BT.slice(1, 4), 0, 0.05)) << steps;
  }
}

TEST(KnownFrames, AreTheFirstOfAClipAndTheirShareOfTheOthers) {
  const auto clip = noise_clip(50);
  const auto known_BT = draw_known_frames(clip, as_tensor({0, 3}), 0.3);
  EXPECT_TRUE(known_BT.select(1, 0).all().item<bool>());
  EXPECT_NEAR(known_BT.slice(1, 1).to(at::kFloat).mean().item<double>(), 0.3, 0.04);
  auto other = clip;
  other.sample_ids_B = clip.sample_ids_B + 7;
  EXPECT_TRUE(at::equal(draw_known_frames(other, as_tensor({0, 3}), 0.3).slice(0, 0, 43),
                        known_BT.slice(0, 7)));  // by sample, not by place in the batch
}

}  // namespace
}  // namespace nextframe
