#include <gtest/gtest.h>

#include "tests/model/tiny.h"

namespace nextframe {
namespace {

std::shared_ptr<Objective> flow() {
  tiny::SetFields fields({{"levels", 8}});
  return ObjectiveRegistry::instance().get("flow", "objective").make(fields);
}

/// What a network was shown.
struct Seen {
  at::Tensor x, actions, level;
};

Network recording(std::vector<Seen>& seen, const std::function<at::Tensor(const at::Tensor&)>& f) {
  return [&seen, f](const at::Tensor& x, const at::Tensor& actions, const at::Tensor& level) {
    seen.push_back({x, actions, level.clone()});
    return f(x);
  };
}

const auto kDraw = as_tensor({0, 0});

struct Inputs {
  at::Tensor x = at::rand({3, 40, 2, 4}) * 2 - 1;
  at::Tensor actions = at::rand({3, 40, 2});
  at::Tensor mask = at::ones({3, 40}, at::kBool);
  at::Tensor ids = at::arange(3);
};

TEST(Flow, AFrameCarriesTheActionThatLedToIt) {
  const Inputs in;
  std::vector<Seen> seen;
  const auto network = recording(seen, [](const at::Tensor& x) { return x; });
  flow()->loss(network, in.x, in.actions, in.mask, in.ids, kDraw);
  flow()->next(network, in.x, in.actions, 40, {1, 0});
  for (const auto& shown : seen) {
    const int64_t num_frames = shown.x.size(1);
    EXPECT_EQ(shown.actions.select(1, 0).abs().max().item<float>(), 0);
    EXPECT_TRUE(at::equal(shown.actions.slice(1, 1), in.actions.slice(1, 0, num_frames - 1)));
  }
  EXPECT_EQ(seen.back().x.size(1), 41);
}

TEST(Flow, EveryFrameHasItsOwnLevelAndItsShareOfNoise) {
  const Inputs in;
  std::vector<Seen> seen;
  flow()->loss(recording(seen, [](const at::Tensor& x) { return x; }), in.x, in.actions, in.mask,
               in.ids, kDraw);
  const auto level = seen[0].level;
  EXPECT_TRUE(at::equal(level * 8, (level * 8).round()));
  EXPECT_EQ(level.min().item<float>(), 0.0f);
  EXPECT_EQ(level.max().item<float>(), 7.0f / 8);
  EXPECT_GT(std::get<0>(at::_unique(level[0])).numel(), 4);
  const auto per_frame = level.unsqueeze(2).unsqueeze(3);
  const auto noise = (seen[0].x - per_frame * in.x) / (1 - per_frame);
  EXPECT_NEAR(noise.mean().item<double>(), 0, 0.15);
  EXPECT_NEAR(noise.var().item<double>(), 1, 0.2);
}

TEST(Flow, WeighsAFrameByHowCleanItIs) {
  const Inputs in;
  std::vector<Seen> seen;
  const auto off_by_half = recording(seen, [&](const at::Tensor&) { return in.x + 0.5; });
  const auto terms = flow()->loss(off_by_half, in.x, in.actions, in.mask, in.ids, kDraw);
  const double weights = (seen[0].level.slice(1, 1) * 0.9 + 0.1).sum().item<double>();
  const double weight = terms.weight.item<double>();
  EXPECT_NEAR(weight, weights * 8, 1e-3);
  EXPECT_NEAR(terms.sum.item<double>() / weight, 0.25, 1e-5);  // so it stays a mean
}

TEST(Flow, SamplingWalksFromNoiseToTheGuess) {
  const Inputs in;
  const auto truth = at::full({3, 1, 2, 4}, 0.3f);
  std::vector<Seen> seen;
  const auto network = recording(seen, [&](const at::Tensor& x) {
    return at::cat({x.slice(1, 0, -1), truth}, 1);
  });
  const auto frame =
      flow()->next(network, in.x.slice(1, 0, 5), in.actions.slice(1, 0, 5), 5, {4, 9});
  EXPECT_TRUE(at::allclose(frame, truth, 0, 1e-6));
  ASSERT_EQ(seen.size(), 4u);
  for (int k = 0; k < 4; ++k) {
    const auto& shown = seen[static_cast<size_t>(k)];
    EXPECT_EQ(shown.level[0][5].item<float>(), static_cast<float>(k) / 4);
    EXPECT_FLOAT_EQ(shown.level[0][0].item<float>(), 0.9f);
    const auto share = shown.x.slice(1, 5) - truth * (k / 4.0);  // the rest is the first noise
    EXPECT_TRUE(at::allclose(share, seen[0].x.slice(1, 5) * (1 - k / 4.0), 0, 1e-5));
  }
}

TEST(Flow, NoiseIsKeyedByTheEpisodeAndTheNumberOfTheFrame) {
  const Inputs in;
  std::vector<Seen> seen;
  const auto network = recording(seen, [](const at::Tensor& x) { return x; });
  const auto dream = [&](int64_t first, int64_t last, uint64_t seed) {
    flow()->next(network, in.x.slice(1, first, last), in.actions.slice(1, first, last), last,
                 {1, seed, in.ids});
    return seen.back().x;
  };
  EXPECT_TRUE(at::equal(dream(2, 6, 1), dream(0, 6, 1).slice(1, 2)));
  EXPECT_FALSE(at::equal(dream(2, 6, 1), dream(2, 6, 2)));
  const auto one = dream(2, 6, 1);
  EXPECT_FALSE(at::equal(one[0].slice(0, 4), one[1].slice(0, 4)));
  flow()->next(network, in.x.slice(0, 2).slice(1, 2, 6), in.actions.slice(0, 2).slice(1, 2, 6), 6,
               {1, 1, in.ids.slice(0, 2)});
  EXPECT_TRUE(at::equal(seen.back().x[0], one[2]));
}

TEST(Flow, PredictsOnlyTheFramesThatAreAskedFor) {
  const Inputs in;
  std::vector<Seen> seen;
  const auto network = recording(seen, [](const at::Tensor& x) { return x; });
  const auto x = in.x.slice(1, 0, 8), actions = in.actions.slice(1, 0, 8);
  const RolloutOptions options{1, 5, in.ids};
  const auto all = flow()->one_step(network, x, actions, 0, options);
  ASSERT_EQ(seen.size(), 7u);
  flow()->next(network, x.slice(1, 0, 5), actions.slice(1, 0, 5), 5, options);
  EXPECT_TRUE(at::equal(seen[4].x, seen.back().x));
  seen.clear();
  const auto late = flow()->one_step(network, x, actions, 4, options);
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_TRUE(at::equal(late, all.slice(1, 4)));
}

TEST(Flow, NamesSampleIdsThatDoNotFit) {
  const Inputs in;
  const auto copy = [](const at::Tensor& x, const at::Tensor&, const at::Tensor&) { return x; };
  EXPECT_THROW(flow()->next(copy, in.x, in.actions, 40, {1, 0, at::arange(2)}), c10::Error);
}

TEST(Flow, RefusesToSampleInNoSteps) {
  const Inputs in;
  std::vector<Seen> seen;
  EXPECT_THROW(flow()->next(recording(seen, [](const at::Tensor& x) { return x; }), in.x,
                            in.actions, 40, {0, 0}),
               c10::Error);
}

}  // namespace
}  // namespace nextframe
