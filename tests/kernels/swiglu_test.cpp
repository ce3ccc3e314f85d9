#include "kernels/linear.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

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
