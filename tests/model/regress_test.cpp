#include <gtest/gtest.h>

#include "tests/model/fake_network.h"
#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using tiny::FakeNetwork;

std::shared_ptr<Objective> regress() {
  tiny::SetFields none({});
  return ObjectiveRegistry::instance().get("regress", "objective").make(none);
}

at::Tensor silent(const NetworkInput& all) { return at::zeros_like(all.x_BT); }

TEST(Regress, ASilentNetworkCopiesTheLastFrame) {
  const auto clip = tiny::noise_clip(2, 5);
  FakeNetwork network(silent);
  const auto terms = regress()->loss(network, clip, {});
  const auto expected = (clip.x_BT.slice(1, 1) - clip.x_BT.slice(1, 0, -1)).square().sum();
  EXPECT_NEAR(terms.sum.item<double>(), expected.item<double>(), 1e-4);
  EXPECT_NEAR(terms.sums.at("copy_squared_error").item<double>(), expected.item<double>(), 1e-4);
  EXPECT_NEAR(terms.sums.at("squared_error").item<double>(), expected.item<double>(), 1e-4);
  EXPECT_EQ(terms.weight.item<double>(), 2 * 4 * 2 * 4);
  EXPECT_TRUE(at::equal(regress()->next(network, clip, {}), clip.x_BT.slice(1, -1)));
}

TEST(Regress, ANetworkThatKnowsTheChangeLosesNothing) {
  const auto clip = tiny::noise_clip(2, 5);
  FakeNetwork network([&](const NetworkInput& all) {
    EXPECT_TRUE(at::equal(all.x_BT, clip.x_BT.slice(1, 0, 4)));
    EXPECT_TRUE(at::equal(all.actions_BTA, clip.actions_BTA.slice(1, 0, 4)));
    EXPECT_FALSE(all.level_BT.defined());
    return (clip.x_BT.slice(1, 1) - all.x_BT) / 0.25;
  });
  EXPECT_NEAR(regress()->loss(network, clip, {}).sum.item<double>(), 0, 1e-9);
  EXPECT_TRUE(
      at::allclose(regress()->one_step(network, clip, 0, {}), clip.x_BT.slice(1, 1), 1e-5, 1e-6));
}

TEST(Regress, APairCountsOnlyIfBothFramesAreReal) {
  auto clip = tiny::noise_clip(2, 5);
  clip.mask_BT[0].slice(0, 3).fill_(false);
  FakeNetwork network(silent);
  EXPECT_EQ(regress()->loss(network, clip, {}).weight.item<double>(), (2 + 4) * 2 * 4);
}

}  // namespace
}  // namespace nextframe
