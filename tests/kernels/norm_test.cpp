#include "kernels/norm.h"

#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

class Norm : public testing::TestWithParam<int64_t> {
};  // width: whole registers, part of one, both

TEST_P(Norm, AgreesWithItsDefinition) {
  const auto x = random({3, 2, GetParam()}, 1);
  expect_agrees([](const Tensors& in) { return rms_norm(in[0], false); }, {x});
}

TEST_P(Norm, OfASumAgreesWithItsDefinition) {
  const auto x = random({3, 2, GetParam()}, 1), update = random({3, 2, GetParam()}, 2);
  const auto both = [](const Tensors& in) {
    const auto stream = in[0].scalar_type() == at::kDouble ? in[0] : in[0].to(at::kFloat);
    const auto out = add_rms_norm(stream, in[1]);
    return at::cat({out.sum, out.norm.to(out.sum.dtype())}, -1);
  };
  expect_agrees(both, {x, update});
}

INSTANTIATE_TEST_SUITE_P(Widths, Norm, testing::Values(5, 16, 128, 44));

TEST(Norm, KeepsTheResidualStreamInFloat32) {
  const auto x = at::ones({2, 32}), update = at::ones({2, 32}, at::kBFloat16);
  const auto out = add_rms_norm(x, update);
  EXPECT_EQ(out.sum.scalar_type(), at::kFloat);
  EXPECT_EQ(out.norm.scalar_type(), at::kBFloat16);
}

TEST(Norm, TakesAViewOfItsInput) {
  const auto x = random({4, 6, 32}, 1).to(at::kFloat);
  EXPECT_TRUE(at::equal(rms_norm(x.narrow(1, 2, 3), false), rms_norm(x, false).narrow(1, 2, 3)));
}

TEST(Norm, PassesNanOn) {
  auto x = at::ones({2, 16});
  x[0][3] = NAN;
  const auto y = rms_norm(x, /*bf16=*/true);
  EXPECT_TRUE(y[0].isnan().all().item<bool>());
  EXPECT_FALSE(y[1].isnan().any().item<bool>());
}

TEST(Norm, RefusesAnUpdateOfAnotherShape) {
  EXPECT_THROW(add_rms_norm(at::ones({2, 4}), at::ones({4})), c10::Error);
}

}  // namespace
}  // namespace nextframe
