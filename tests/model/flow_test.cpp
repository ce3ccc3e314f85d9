#include <gtest/gtest.h>

#include "tests/model/fake_network.h"
#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using tiny::cut;
using tiny::FakeNetwork;
using tiny::noise_clip;

std::shared_ptr<Objective> flow() {
  tiny::SetFields fields({{"levels", 8}});
  return ObjectiveRegistry::instance().get("flow", "objective").make(fields);
}

at::Tensor same_frames(const NetworkInput& all) { return all.x_BT; }

const auto kFlowDraw = as_tensor({0, 0});

TEST(Flow, AFrameCarriesTheActionThatLedToIt) {
  const auto clip = noise_clip();
  FakeNetwork training(same_frames), sampling(same_frames);
  flow()->loss(training, clip, kFlowDraw);
  flow()->next(sampling, clip, {1, 0});
  for (const auto* network : {&training, &sampling}) {
    for (const auto& all : network->seen) {
      const int64_t num_frames = all.x_BT.size(1);
      EXPECT_EQ(all.actions_BTA.select(1, 0).abs().max().item<float>(), 0);
      EXPECT_TRUE(
          at::equal(all.actions_BTA.slice(1, 1), clip.actions_BTA.slice(1, 0, num_frames - 1)));
    }
  }
  EXPECT_EQ(sampling.seen.back().x_BT.size(1), 41);
}

TEST(Flow, EveryFrameHasItsOwnLevelAndItsShareOfNoise) {
  const auto clip = noise_clip();
  FakeNetwork network(same_frames);
  flow()->loss(network, clip, kFlowDraw);
  const auto level = network.seen[0].level_BT;
  EXPECT_TRUE(at::equal(level * 8, (level * 8).round()));
  EXPECT_EQ(level.min().item<float>(), 0.0f);
  EXPECT_EQ(level.max().item<float>(), 7.0f / 8);
  EXPECT_GT(std::get<0>(at::_unique(level[0])).numel(), 4);
  const auto per_frame = level.unsqueeze(2).unsqueeze(3);
  const auto noise = (network.seen[0].x_BT - per_frame * clip.x_BT) / (1 - per_frame);
  EXPECT_NEAR(noise.mean().item<double>(), 0, 0.15);
  EXPECT_NEAR(noise.var().item<double>(), 1, 0.2);
}

TEST(Flow, WeighsAFrameByHowCleanItIs) {
  const auto clip = noise_clip();
  FakeNetwork off_by_half([&](const NetworkInput&) { return clip.x_BT + 0.5; });
  const auto terms = flow()->loss(off_by_half, clip, kFlowDraw);
  const auto level_BT = off_by_half.seen[0].level_BT;
  const double weights = (level_BT.slice(1, 1) * 0.9 + 0.1).sum().item<double>();
  const double weight = terms.weight.item<double>();
  EXPECT_NEAR(weight, weights * 8, 1e-3);
  EXPECT_NEAR(terms.sum.item<double>() / weight, 0.25, 1e-5);  // so it stays a mean
}

TEST(Flow, SamplingWalksFromNoiseToTheGuess) {
  const auto clip = cut(noise_clip(), 0, 5);
  const auto truth = at::full({3, 1, 2, 4}, 0.3f);
  FakeNetwork network([&](const NetworkInput& all) {
    return at::cat({all.x_BT.slice(1, 0, -1), truth}, 1);
  });
  const auto frame = flow()->next(network, clip, {4, 9});
  EXPECT_TRUE(at::allclose(frame, truth, 0, 1e-6));
  ASSERT_EQ(network.seen.size(), 5u);  // the context once, then four steps
  EXPECT_EQ(network.seen[0].x_BT.size(1), 5);
  for (int k = 0; k < 4; ++k) {
    const auto& all = network.seen[static_cast<size_t>(1 + k)];
    EXPECT_EQ(all.level_BT[0][5].item<float>(), static_cast<float>(k) / 4);
    EXPECT_FLOAT_EQ(all.level_BT[0][0].item<float>(), 0.9f);
    const auto share = all.x_BT.slice(1, 5) - truth * (k / 4.0);  // the rest is the first noise
    EXPECT_TRUE(at::allclose(share, network.seen[1].x_BT.slice(1, 5) * (1 - k / 4.0), 0, 1e-5));
  }
}

TEST(Flow, NoiseIsKeyedByTheEpisodeAndTheNumberOfTheFrame) {
  const auto clip = noise_clip();
  const auto dream = [&](int64_t first, int64_t end, uint64_t seed) {
    FakeNetwork network(same_frames);
    flow()->next(network, cut(clip, first, end), {1, seed});
    return network.seen.back().x_BT;
  };
  EXPECT_TRUE(at::equal(dream(2, 6, 1), dream(0, 6, 1).slice(1, 2)));
  EXPECT_FALSE(at::equal(dream(2, 6, 1), dream(2, 6, 2)));
  const auto one = dream(2, 6, 1);
  EXPECT_FALSE(at::equal(one[0].slice(0, 4), one[1].slice(0, 4)));
  auto two_rows = cut(clip, 2, 6);
  two_rows.x_BT = two_rows.x_BT.slice(0, 0, 2);
  two_rows.actions_BTA = two_rows.actions_BTA.slice(0, 0, 2);
  two_rows.before_B1A = two_rows.before_B1A.slice(0, 0, 2);
  two_rows.sample_ids_B = clip.sample_ids_B.slice(0, 1, 3);
  FakeNetwork network(same_frames);
  flow()->next(network, two_rows, {1, 1});
  EXPECT_TRUE(at::equal(network.seen.back().x_BT[0].slice(0, 4), one[1].slice(0, 4)));
}

TEST(Flow, PredictsOnlyTheFramesThatAreAskedFor) {
  const auto clip = cut(noise_clip(), 0, 8);
  FakeNetwork all_frames(same_frames), late_frames(same_frames), one_frame(same_frames);
  const RolloutOptions options{1, 5};
  const auto all = flow()->one_step(all_frames, clip, 0, options);
  ASSERT_EQ(all_frames.seen.size(), 14u);  // of each frame the one before, and one step
  flow()->next(one_frame, cut(clip, 0, 5), options);
  EXPECT_TRUE(at::equal(all_frames.seen[9].x_BT, one_frame.seen.back().x_BT));
  const auto late = flow()->one_step(late_frames, clip, 4, options);
  EXPECT_EQ(late_frames.seen.size(), 6u);
  EXPECT_TRUE(at::equal(late, all.slice(1, 4)));
}

TEST(Flow, NamesSampleIdsThatDoNotFit) {
  auto clip = noise_clip();
  clip.sample_ids_B = at::arange(2);
  FakeNetwork network(same_frames);
  EXPECT_THROW(flow()->next(network, clip, {1, 0}), c10::Error);
}

TEST(Flow, RefusesToSampleInNoSteps) {
  FakeNetwork network(same_frames);
  EXPECT_THROW(flow()->next(network, noise_clip(), {0, 0}), c10::Error);
}

}  // namespace
}  // namespace nextframe
