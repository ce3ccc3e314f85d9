#include "kernels/linear.h"

#include "kernels/norm.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

TEST(Linear, AgreesWithFloat64AndFiniteDifferences) {
  const auto x = random({2, 3, 5}, 1), weight = random({4, 5}, 2);
  const auto product = [](const Tensors& in) {
    const bool bf16 = in[0].scalar_type() == at::kBFloat16;
    return linear(in[0], bf16 ? in[1].to(at::kFloat) : in[1], bf16);
  };
  expect_agrees(product, {x, weight});
}

TEST(Linear, GivesAFloat32GradientToAFloat32MasterWeight) {
  const auto weight = at::randn({4, 8}).set_requires_grad(true);
  const auto x = at::randn({3, 8}).set_requires_grad(true);
  const auto y = linear(x, weight, /*bf16=*/true);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  y.sum().backward();
  EXPECT_EQ(weight.grad().scalar_type(), at::kFloat);
  EXPECT_EQ(x.grad().scalar_type(), at::kFloat);
}

class LinearParts : public testing::TestWithParam<int64_t> {};  // width: for our loops, and not

TEST_P(LinearParts, AreWhatTheyAreMadeOf) {
  const int64_t D = GetParam(), F = 2 * D;
  const torch::NoGradGuard no_grad;
  for (const bool bf16 : {false, true}) {
    const auto sum = random({2, 5, D}, 1).to(at::kFloat),
               x = random({2, 5, F}, 2).to(bf16 ? at::kBFloat16 : at::kFloat);
    const auto weight = random({F, D}, 3).to(at::kFloat), back = random({D, F}, 4).to(at::kFloat),
               half = random({D, D}, 5).to(at::kFloat);
    const double tolerance = bf16 ? 1e-2 : 1e-6;
    const auto [kept, product] = norm_linear(sum, weight, bf16);
    EXPECT_TRUE(at::equal(kept, sum));
    EXPECT_EQ(product.scalar_type(), bf16 ? at::kBFloat16 : at::kFloat);
    const auto exact = [](const at::Tensor& t) { return t.to(at::kDouble); };
    EXPECT_LT(relative_error(product, at::linear(exact(rms_norm(sum, false)), exact(weight))),
              tolerance);
    EXPECT_LT(relative_error(add_linear(sum, x, back, bf16),
                             exact(sum) + at::linear(exact(x), exact(back))),
              tolerance);
    EXPECT_LT(relative_error(add_gated_linear(sum, x, half, bf16),
                             exact(sum) + at::linear(exact(swiglu(x)), exact(half))),
              tolerance);
  }
}

TEST_P(LinearParts, CarryAllGradientsBack) {
  const int64_t D = GetParam(), F = 2 * D;
  const Tensors in = {random({3, D}, 1), random({F, D}, 2) / std::sqrt(static_cast<double>(D)),
                      random({D, D}, 3) / std::sqrt(static_cast<double>(D)),
                      random({D, D}, 4) / std::sqrt(static_cast<double>(D))};
  const auto layer = [](const Tensors& t, bool bf16) {
    const auto hidden = norm_linear(t[0], t[1], bf16);
    const auto sum = add_gated_linear(hidden.sum, hidden.product, t[2], bf16);
    const auto next = norm_linear(sum, t[3], bf16);
    return add_linear(next.sum, next.product, t[3], bf16);
  };
  const auto weights = random({3, D}, 9);
  auto exact = as(at::kDouble, in), single = as(at::kFloat, in), half = as(at::kFloat, in);
  (layer(exact, false) * weights).sum().backward();
  (layer(single, false) * weights.to(at::kFloat)).sum().backward();
  (layer(half, true) * weights.to(at::kFloat)).sum().backward();
  for (size_t i = 0; i < in.size(); ++i) {
    EXPECT_LT(relative_error(single[i].grad(), exact[i].grad()), 1e-5) << i;
    EXPECT_LT(relative_error(half[i].grad(), exact[i].grad()), 3e-2) << i;
    EXPECT_EQ(half[i].grad().scalar_type(), at::kFloat) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, LinearParts, testing::Values(32, 20));

TEST(Linear, SeesAWeightThatChangedInPlace) {
  auto weight = at::ones({1, 4});
  EXPECT_EQ(linear(at::ones({1, 4}), weight, true).item<float>(), 4);
  weight.fill_(3);
  EXPECT_EQ(linear(at::ones({1, 4}), weight, true).item<float>(), 12);
}

TEST(Linear, NamesShapesThatDoNotFit) {
  EXPECT_THROW(linear(at::ones({2, 3}), at::ones({4, 5}), false), c10::Error);
}

using namespace testing_gradient;

at::Tensor gate(const Tensors& in) { return swiglu(in[0]); }

class Swiglu : public testing::TestWithParam<int64_t> {};

TEST_P(Swiglu, AgreesWithItsDefinition) { expect_agrees(gate, {random({3, 2 * GetParam()}, 1)}); }

INSTANTIATE_TEST_SUITE_P(Widths, Swiglu, testing::Values(3, 16, 37));

TEST(Swiglu, StaysFiniteAtTheEndsOfItsRange) {
  const auto x = at::tensor({-1e4f, -90.0f, 90.0f, 1e4f, 1.0f, 1.0f, 1.0f, 1.0f}).view({1, 8});
  const auto expected = at::tensor({0.0f, 0.0f, 90.0f, 1e4f}).view({1, 4});
  EXPECT_TRUE(at::allclose(swiglu(x), expected, 0, 1e-5));
}

TEST(Swiglu, GivesAnElementTheSameBitsWhereverItStands) {
  const auto row = random({1, 74}, 3).to(at::kFloat);
  const auto alone = swiglu(row.view({1, 2, 37}).slice(2, 5, 30).reshape({1, 50}));
  EXPECT_TRUE(at::equal(swiglu(row).slice(1, 5, 30), alone));
}

TEST(Swiglu, RefusesAnOddWidth) { EXPECT_THROW(swiglu(at::ones({2, 5})), c10::Error); }

}  // namespace
}  // namespace nextframe
