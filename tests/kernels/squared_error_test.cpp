#include "kernels/losses.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

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
