#include "kernels/linear.h"

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

TEST(Linear, SeesAWeightThatChangedInPlace) {
  auto weight = at::ones({1, 4});
  EXPECT_EQ(linear(at::ones({1, 4}), weight, true).item<float>(), 4);
  weight.fill_(3);
  EXPECT_EQ(linear(at::ones({1, 4}), weight, true).item<float>(), 12);
}

TEST(Linear, NamesShapesThatDoNotFit) {
  EXPECT_THROW(linear(at::ones({2, 3}), at::ones({4, 5}), false), c10::Error);
}

}  // namespace
}  // namespace nextframe
