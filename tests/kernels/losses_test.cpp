#include "kernels/losses.h"

#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

class CrossEntropy : public testing::TestWithParam<int64_t> {
};  // vocabulary: part of a register, whole ones, both

TEST_P(CrossEntropy, AgreesWithItsDefinition) {
  const auto targets = at::randint(GetParam(), {3, 4}, at::kLong);
  expect_agrees([&](const Tensors& in) { return token_cross_entropy(in[0], targets); },
                {random({3, 4, GetParam()}, 1) * 3});
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, CrossEntropy, testing::Values(1, 5, 16, 67));

TEST(CrossEntropy, StandsLargeLogits) {
  const auto logits = at::tensor({1e30f, 0.0f, -1e30f, 500.0f, 499.0f, -500.0f}).view({2, 3});
  const auto losses = token_cross_entropy(logits, at::tensor({int64_t{0}, int64_t{1}}));
  EXPECT_EQ(losses[0].item<float>(), 0);
  EXPECT_NEAR(losses[1].item<float>(), 1 + std::log1p(std::exp(-1.0)), 1e-4);
}

TEST(CrossEntropy, PassesNanOn) {
  const auto losses =
      token_cross_entropy(at::full({1, 20}, std::nan("")), at::zeros({1}, at::kLong));
  EXPECT_TRUE(losses.isnan().all().item<bool>());
}

TEST(CrossEntropy, NamesTargetsOutsideOfTheVocabulary) {
  EXPECT_THROW(token_cross_entropy(at::zeros({2, 3}), at::tensor({int64_t{0}, int64_t{3}})),
               c10::Error);
  EXPECT_THROW(token_cross_entropy(at::zeros({2, 3}), at::zeros({3}, at::kLong)), c10::Error);
}

using namespace testing_gradient;

TEST(SquaredError, AgreesWithItsDefinition) {
  const auto f = [](const Tensors& in) { return frame_squared_error(in[0], in[1]); };
  expect_agrees(f, {random({2, 3, 5, 7}, 1), random({2, 3, 5, 7}, 2)});
}

TEST(SquaredError, OfALargeFrameKeepsItsPrecision) {
  const auto a = at::full({1, 1, 1 << 20}, 1.1f), b = at::zeros({1, 1, 1 << 20});
  const double expected = double{1 << 20} * double{1.1f} * double{1.1f};
  EXPECT_NEAR(frame_squared_error(a, b).item<double>() / expected, 1, 1e-6);
}

TEST(SquaredError, TakesSlicesInTime) {
  const auto x = random({3, 4, 9}, 1).to(at::kFloat);
  const auto error = frame_squared_error(x.slice(1, 1), x.slice(1, 0, -1));
  const auto expected = (x.slice(1, 1) - x.slice(1, 0, -1)).square().sum(2);
  EXPECT_TRUE(at::allclose(error, expected));
}

TEST(SquaredError, RefusesShapesThatDiffer) {
  EXPECT_THROW(frame_squared_error(at::ones({1, 2, 3}), at::ones({1, 2, 4})), c10::Error);
}

}  // namespace
}  // namespace nextframe
