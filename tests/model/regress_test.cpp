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

/// Sets own_past, a number with a point.
class OwnPast final : public FieldVisitor {
 public:
  explicit OwnPast(double share) : share_(share) {}

 private:
  void visit(const FieldInfo& info, double& value) override {
    if (std::string(info.name) == "own_past") value = share_;
  }
  void visit(const FieldInfo&, bool&) override {}
  void visit(const FieldInfo&, int64_t&) override {}
  void visit(const FieldInfo&, std::string&) override {}
  void visit(const FieldInfo&, std::vector<int64_t>&) override {}
  void visit(const FieldInfo&, std::vector<std::string>&) override {}

  double share_;
};

TEST(Regress, OwnPastShowsItsPredictionsInTheLastClips) {
  OwnPast quarter(0.25);
  const auto objective = ObjectiveRegistry::instance().get("regress", "objective").make(quarter);
  EXPECT_EQ(objective->least_clips(), 4);
  const auto clip = tiny::noise_clip(4, 40);
  FakeNetwork network([](const NetworkInput& all) { return at::full_like(all.x_BT, 0.4f); });
  const auto terms = objective->loss(network, clip, as_tensor({0, 3}));
  ASSERT_EQ(network.seen.size(), 2u);
  EXPECT_TRUE(at::equal(network.seen[0].x_BT, clip.x_BT.slice(0, 3).slice(1, 0, 39)));
  const auto shown = network.seen[1].x_BT, truth = clip.x_BT.slice(1, 0, 39);
  EXPECT_TRUE(at::equal(shown.slice(0, 0, 3), truth.slice(0, 0, 3)));
  EXPECT_TRUE(at::equal(shown[3][0], truth[3][0]));
  const auto predicted = (truth[3].slice(0, 0, 38) + 0.1).clamp(-1, 1), own = shown[3].slice(0, 1);
  const auto is_own = (own == predicted).flatten(1).all(1);
  const auto is_true = (own == truth[3].slice(0, 1)).flatten(1).all(1);
  EXPECT_TRUE(is_own.logical_xor(is_true).all().item<bool>());
  EXPECT_GT(is_own.sum().item<int64_t>(), 8);
  EXPECT_GT(is_true.sum().item<int64_t>(), 8);
  const auto expected = (shown + 0.1 - clip.x_BT.slice(1, 1)).square().sum();
  EXPECT_NEAR(terms.sum.item<double>(), expected.item<double>(), 1e-3);
  const auto small = tiny::noise_clip(3, 5);
  FakeNetwork other(silent);
  EXPECT_THROW(objective->loss(other, small, as_tensor({0, 3})), c10::Error);
}

}  // namespace
}  // namespace nextframe
