// The loops over rows, each of those that this machine can run, against the formulas in float64.
#include "kernels/fused/rows.h"
#include "kernels/norm.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

class RowLoops : public ::testing::TestWithParam<const cpu::Loops*> {};

struct Precision {
  at::ScalarType dtype;
  double tolerance;
};
const Precision kPrecisions[] = {{at::kFloat, 1e-6}, {at::kBFloat16, 6e-3}};
const int64_t kWidths[] = {1, 7, 16, 33, 128};

at::Tensor exact_norm(const at::Tensor& x) {
  return x * (x.square().mean(-1, true) + kNormEpsilon).rsqrt();
}

TEST_P(RowLoops, NormTheSum) {
  for (const auto& [dtype, tolerance] : kPrecisions) {
    for (const int64_t width : kWidths) {
      const auto x = random({5, width}, 1).to(at::kFloat), update = random({5, width}, 2).to(dtype);
      const auto exact = x.to(at::kDouble) + update.to(at::kDouble);
      const auto [sum, norm] = fused::add_rms_norm(x, update, dtype, *GetParam());
      EXPECT_LT(relative_error(sum, exact), 1e-6) << width;
      EXPECT_LT(relative_error(norm, exact_norm(exact)), tolerance) << width;
      EXPECT_LT(relative_error(fused::add(x, update, *GetParam()), exact), 1e-6) << width;
      const auto alone = fused::add_rms_norm(x, {}, dtype, *GetParam()).second;
      EXPECT_LT(relative_error(alone, exact_norm(x.to(at::kDouble))), tolerance) << width;
    }
  }
}

TEST_P(RowLoops, CarryTheGradientOfTheNormBack) {
  for (const auto& [dtype, tolerance] : kPrecisions) {
    for (const int64_t width : kWidths) {
      const auto sum = random({5, width}, 1).to(at::kFloat),
                 grad_sum = random({5, width}, 2).to(at::kFloat);
      const auto grad_norm = random({5, width}, 3).to(dtype);
      const auto leaf = sum.to(at::kDouble).requires_grad_(true);
      (exact_norm(leaf) * grad_norm.to(at::kDouble)).sum().backward();
      const auto expected = leaf.grad() + grad_sum.to(at::kDouble);
      const auto [grad_x, grad_update] = fused::add_rms_norm_backward(
          sum, grad_sum, grad_norm, /*wants_update=*/true, *GetParam());
      EXPECT_LT(relative_error(grad_x, expected), 2e-6) << width;
      EXPECT_LT(relative_error(grad_update, expected), tolerance) << width;
      const auto alone =
          fused::add_rms_norm_backward(sum, {}, grad_norm, /*wants_update=*/false, *GetParam());
      EXPECT_LT((alone.first.to(at::kDouble) - leaf.grad()).abs().max().item<double>(), 1e-5)
          << width;
      EXPECT_FALSE(alone.second.defined());
    }
  }
}

TEST_P(RowLoops, Gate) {
  for (const auto& [dtype, tolerance] : kPrecisions) {
    for (const int64_t width : kWidths) {
      const auto x = (random({5, 2 * width}, 1) * 4).to(dtype),
                 grad = random({5, width}, 2).to(dtype);
      const auto leaf = x.to(at::kDouble).requires_grad_(true);
      const auto halves = leaf.chunk(2, -1);
      const auto expected = at::silu(halves[0]) * halves[1];
      expected.backward(grad.to(at::kDouble));
      EXPECT_LT(relative_error(fused::swiglu(x, *GetParam()), expected.detach()), tolerance)
          << width;
      EXPECT_LT(relative_error(fused::swiglu_backward(x, grad, *GetParam()), leaf.grad()),
                tolerance)
          << width;
    }
  }
}

TEST_P(RowLoops, GateFarFromZero) {
  const auto x = at::tensor({-200.0f, -88.0f, 0.0f, 88.0f, 200.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f})
                     .view({1, 10});
  const auto result = fused::swiglu(x, *GetParam());
  EXPECT_TRUE(
      at::allclose(result, at::tensor({0.0f, 0.0f, 0.0f, 88.0f, 200.0f}).view({1, 5}), 1e-6, 1e-6))
      << result;
  EXPECT_TRUE(
      fused::swiglu(at::full({1, 2}, std::nan("")), *GetParam()).isnan().all().item<bool>());
}

TEST_P(RowLoops, GiveARowTheSameBitsAnywhere) {
  for (const auto& [dtype, tolerance] : kPrecisions) {
    const auto x = random({7, 66}, 1).to(dtype);
    EXPECT_TRUE(at::equal(fused::swiglu(x.slice(0, 3, 4), *GetParam()),
                          fused::swiglu(x, *GetParam()).slice(0, 3, 4)));
    const auto y = x.to(at::kFloat);
    EXPECT_TRUE(at::equal(fused::add_rms_norm(y.slice(0, 3, 4), {}, dtype, *GetParam()).second,
                          fused::add_rms_norm(y, {}, dtype, *GetParam()).second.slice(0, 3, 4)));
  }
}

INSTANTIATE_TEST_SUITE_P(EachMachine, RowLoops, ::testing::ValuesIn(cpu::all_loops()),
                         [](const auto& chosen) { return std::string(chosen.param->name); });

}  // namespace
}  // namespace nextframe
