#include <gtest/gtest.h>

#include "tests/model/tiny.h"

namespace nextframe {
namespace {

std::shared_ptr<Objective> regress() {
  tiny::SetFields none({});
  return ObjectiveRegistry::instance().get("regress", "objective").make(none);
}

const auto kSilent = [](const at::Tensor& x, const at::Tensor&, const at::Tensor&) {
  return at::zeros_like(x);
};

struct RegressInputs {
  at::Tensor x = at::rand({2, 5, 3, 4}) * 2 - 1;
  at::Tensor actions = at::rand({2, 5, 2});
  at::Tensor mask = at::ones({2, 5}, at::kBool);
  at::Tensor ids = at::arange(2);
};

TEST(Regress, ASilentNetworkCopiesTheLastFrame) {
  const RegressInputs in;
  const auto terms = regress()->loss(kSilent, in.x, in.actions, in.mask, in.ids, {});
  const auto expected = (in.x.slice(1, 1) - in.x.slice(1, 0, -1)).square().sum().item<double>();
  EXPECT_NEAR(terms.sum.item<double>(), expected, 1e-4);
  EXPECT_NEAR(terms.sums.at("copy_squared_error").item<double>(), expected, 1e-4);
  EXPECT_NEAR(terms.sums.at("squared_error").item<double>(), expected, 1e-4);
  EXPECT_EQ(terms.weight.item<double>(), 2 * 4 * 3 * 4);
  EXPECT_TRUE(at::equal(regress()->next(kSilent, in.x, in.actions, 5, {}), in.x.slice(1, -1)));
}

TEST(Regress, ANetworkThatKnowsTheChangeLosesNothing) {
  const RegressInputs in;
  const auto knows = [&](const at::Tensor& x, const at::Tensor& actions, const at::Tensor& level) {
    EXPECT_TRUE(at::equal(x, in.x.slice(1, 0, 4)));
    EXPECT_TRUE(at::equal(actions, in.actions.slice(1, 0, 4)));
    EXPECT_TRUE(at::equal(level, at::ones({2, 4})));
    return (in.x.slice(1, 1) - x) / 0.25;
  };
  const auto terms = regress()->loss(knows, in.x, in.actions, in.mask, in.ids, {});
  EXPECT_NEAR(terms.sum.item<double>(), 0, 1e-9);
  EXPECT_TRUE(at::allclose(regress()->one_step(knows, in.x, in.actions, 0, {}), in.x.slice(1, 1)));
}

TEST(Regress, APairCountsOnlyIfBothFramesAreReal) {
  RegressInputs in;
  in.mask[0].slice(0, 3).fill_(false);
  const auto terms = regress()->loss(kSilent, in.x, in.actions, in.mask, in.ids, {});
  EXPECT_EQ(terms.weight.item<double>(), (2 + 4) * 3 * 4);
}

}  // namespace
}  // namespace nextframe
