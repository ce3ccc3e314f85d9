#include <gtest/gtest.h>

#include "model/objective/denoising.h"
#include "model/objective/masked_error.h"
#include "tests/model/fake_network.h"
#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using tiny::FakeNetwork;
using tiny::noise_clip;

constexpr int64_t kLevels = 8;

std::shared_ptr<Objective> shortcut_with(std::map<std::string, double> reals,
                                         int64_t bootstrap_start = 0) {
  tiny::SetFields fields({{"levels", kLevels}, {"bootstrap_start", bootstrap_start}}, {},
                         std::move(reals));
  return ObjectiveRegistry::instance().get("shortcut", "objective").make(fields);
}

/// The network is shown all frames as they are, at levels of their own.
std::shared_ptr<Objective> shortcut(int64_t bootstrap_start = 0) {
  return shortcut_with({{"clean_frames", 0}, {"change_scale", 0}}, bootstrap_start);
}

at::Tensor zero(const NetworkInput& all) { return at::zeros_like(all.x_BT); }

TEST(Shortcut, MostRowsTakeTheSmallestStepTheOthersLargerOnes) {
  const auto clip = noise_clip(8);
  FakeNetwork network(zero);
  shortcut()->loss(network, clip, as_tensor({0, 5}));
  ASSERT_EQ(network.seen.size(), 3u);  // two half steps of the last two rows, then all rows
  const auto& all = network.seen[2];
  const auto steps = all.num_steps_BT;
  EXPECT_TRUE(steps.slice(0, 0, 6).eq(kLevels).all().item<bool>());
  const auto own = steps.slice(0, 6);
  EXPECT_TRUE(own.eq(1).logical_or(own.eq(2)).logical_or(own.eq(4)).all().item<bool>());
  for (const int64_t n : {1, 2, 4}) EXPECT_GT(own.eq(n).sum().item<int64_t>(), 10) << n;
  const auto place = all.level_BT * steps;
  EXPECT_TRUE(at::equal(place, place.round()));
  EXPECT_TRUE(place.lt(steps).all().item<bool>());
}

TEST(Shortcut, HalfStepsBeginWhereTheLargeOneDoesAndMeet) {
  const auto clip = noise_clip(4);
  FakeNetwork network([](const NetworkInput& all) { return all.x_BT * 0 + 0.5; });
  shortcut()->loss(network, clip, as_tensor({0, 5}));
  const auto &first = network.seen[0], &second = network.seen[1], &all = network.seen[2];
  const auto large = all.num_steps_BT.slice(0, 3);
  EXPECT_TRUE(at::equal(first.num_steps_BT, large * 2));
  EXPECT_TRUE(at::equal(second.num_steps_BT, large * 2));
  EXPECT_TRUE(at::equal(first.x_BT, all.x_BT.slice(0, 3)));
  EXPECT_TRUE(at::allclose(second.level_BT, first.level_BT + 0.5 / large));
  const auto along = (0.5 - first.x_BT) / (1 - first.level_BT).view({1, -1, 1, 1});
  EXPECT_TRUE(at::allclose(second.x_BT, first.x_BT + along * (0.5 / large).view({1, -1, 1, 1}),
                           1e-4, 1e-5));
}

TEST(Shortcut, ANetworkThatIsConsistentLosesNothingOnItsOwnTargets) {
  const auto clip = noise_clip(4);
  FakeNetwork network([&](const NetworkInput& all) {
    // Always the truth of its rows: half steps along a straight line agree with the whole step.
    return clip.x_BT.slice(0, 4 - all.x_BT.size(0));
  });
  const auto terms = shortcut()->loss(network, clip, as_tensor({0, 5}));
  EXPECT_NEAR(terms.sums.at("self_squared_error").item<double>(), 0, 1e-6);
  EXPECT_NEAR(terms.sums.at("denoise_squared_error").item<double>(), 0, 1e-6);
  EXPECT_GT(terms.sums.at("copy_squared_error").item<double>(), 1);
}

TEST(Shortcut, OwnTargetsCountFromTheirStepOn) {
  const auto clip = noise_clip(4);
  FakeNetwork network(zero);
  const auto before = shortcut(6)->loss(network, clip, as_tensor({0, 5}));
  EXPECT_EQ(before.sums.at("self_squared_error").item<double>(), 0);
  const auto after = shortcut(5)->loss(network, clip, as_tensor({0, 5}));
  EXPECT_GT(after.sums.at("self_squared_error").item<double>(), 0);
  EXPECT_GT(after.weight.item<double>(), before.weight.item<double>());
  EXPECT_EQ(after.sums.at("denoise_squared_error").item<double>(),
            before.sums.at("denoise_squared_error").item<double>());
}

TEST(Shortcut, SamplesInStepsOfTheSizeThatItTells) {
  const auto clip = tiny::cut(noise_clip(2), 0, 3);
  for (const int64_t steps : {1, 4, 8}) {
    FakeNetwork network(zero);
    shortcut()->next(network, clip, {steps, 3});
    ASSERT_EQ(network.seen.size(), static_cast<size_t>(1 + steps));
    const auto& last = network.seen.back();
    EXPECT_EQ(last.num_steps_BT[0][3].item<float>(), static_cast<float>(steps));
    EXPECT_EQ(last.num_steps_BT[0][2].item<float>(), static_cast<float>(kLevels));
  }
  FakeNetwork network(zero);
  EXPECT_THROW(shortcut()->next(network, clip, {3, 3}), c10::Error);
  EXPECT_THROW(shortcut()->next(network, clip, {16, 3}), c10::Error);
}

TEST(Shortcut, KnownFramesAreShownAsSamplingShowsThePast) {
  const auto clip = noise_clip(8);
  FakeNetwork network(zero);
  shortcut_with({{"clean_frames", 0.5}, {"context_level", 0.97}})
      ->loss(network, clip, as_tensor({0, 5}));
  const auto known_BT = draw_known_frames(clip, as_tensor({0, 5}), 0.5);
  ASSERT_EQ(network.seen.size(), 3u);
  for (const auto& seen : network.seen) {  // in both half steps, too
    const auto known = known_BT.slice(0, 8 - seen.x_BT.size(0));
    EXPECT_TRUE(at::equal(seen.level_BT.eq(0.97), known));
    EXPECT_TRUE(
        seen.num_steps_BT.masked_select(known).eq(static_cast<double>(kLevels)).all().item<bool>());
  }
}

TEST(Shortcut, KnownFramesCarryNoLoss) {
  const auto clip = noise_clip(4);
  const auto known_BT = draw_known_frames(clip, as_tensor({0, 5}), 0.5);
  for (const double context_level : {0.9, 1.0}) {
    FakeNetwork network([&](const NetworkInput& all) {
      // Far off where frames are known, right elsewhere.
      const int64_t first = 4 - all.x_BT.size(0);
      return clip.x_BT.slice(0, first) +
             7 * per_frame(known_BT.slice(0, first).to(at::kFloat), all.x_BT);
    });
    const auto objective = shortcut_with(
        {{"clean_frames", 0.5}, {"change_scale", 0}, {"context_level", context_level}});
    const auto terms = objective->loss(network, clip, as_tensor({0, 5}));
    EXPECT_NEAR(terms.sum.item<double>(), 0, 1e-6);
    EXPECT_GT(terms.weight.item<double>(), 0);
  }
}

TEST(Shortcut, NamesAGrainThatIsTooSmall) {
  const auto clip = noise_clip(3);
  FakeNetwork network(zero);
  EXPECT_EQ(shortcut()->least_clips(), 4);
  EXPECT_THROW(shortcut()->loss(network, clip, as_tensor({0, 5})), c10::Error);
}

}  // namespace
}  // namespace nextframe
