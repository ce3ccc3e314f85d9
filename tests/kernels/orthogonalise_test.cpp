#include "kernels/orthogonalise.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>

namespace nextframe {
namespace {

/// What becomes of singular values, in float64.
at::Tensor polynomial_of(at::Tensor s, int64_t steps) {
  for (int64_t step = 0; step < steps; ++step)
    s = 3.4445 * s - 4.7750 * s.pow(3) + 2.0315 * s.pow(5);
  return s;
}

/// The definition: the same singular vectors, and the polynomial of the singular values.
at::Tensor by_singular_values(const at::Tensor& matrix, int64_t steps) {
  const auto x = matrix.to(at::kDouble);
  const auto [u, s, v] = at::linalg_svd(x / x.norm(), /*full_matrices=*/false);
  return u.matmul(polynomial_of(s, steps).diag()).matmul(v).to(at::kFloat);
}

TEST(Orthogonalise, AgreesWithItsDefinition) {
  at::manual_seed(1);
  for (const auto& [rows, columns, parts] : std::vector<std::array<int64_t, 3>>{
           {16, 16, 1}, {12, 40, 1}, {40, 12, 1}, {96, 32, 3}, {64, 48, 2}, {1, 9, 1}, {9, 1, 1}}) {
    const auto matrix = at::randn({rows, columns});
    for (const int64_t steps : {0, 1, 5}) {
      std::vector<at::Tensor> expected;
      for (const auto& block : matrix.chunk(parts))
        expected.push_back(by_singular_values(block, steps));
      const auto made = orthogonalise(matrix, parts, steps);
      EXPECT_TRUE(at::allclose(made, at::cat(expected), 1e-3, 1e-3))
          << rows << " x " << columns << ", " << parts << " parts, " << steps
          << " steps: " << (made - at::cat(expected)).abs().max();
    }
  }
}

TEST(Orthogonalise, SingularValuesComeCloseToOne) {
  at::manual_seed(2);
  for (const auto& [rows, columns] :
       std::vector<std::array<int64_t, 2>>{{64, 128}, {128, 32}, {384, 128}}) {
    const auto s = at::linalg_svdvals(orthogonalise(at::randn({rows, columns}), 1));
    EXPECT_GT(s.min().item<float>(), 0.68F) << rows << " x " << columns;
    EXPECT_LT(s.max().item<float>(), 1.21F) << rows << " x " << columns;
  }
  // From the smallest that comes so far, to the largest that there is.
  const auto spread = at::logspace(-2.5, -0.1, 48);
  const auto s = at::linalg_svdvals(orthogonalise(spread.diag(), 1));
  EXPECT_GT(s.min().item<float>(), 0.68F);
  EXPECT_LT(s.max().item<float>(), 1.21F);
}

TEST(Orthogonalise, RowBlocksDoNotKnowOfEachOther) {
  at::manual_seed(3);
  const auto matrix = at::randn({96, 40});
  auto other = matrix.clone();
  other.narrow(0, 32, 32).mul_(100);  // the scale of a block does not matter either
  other.narrow(0, 64, 32).normal_();
  const auto made = orthogonalise(matrix, 3), made_of_other = orthogonalise(other, 3);
  EXPECT_TRUE(at::equal(made.narrow(0, 0, 32), made_of_other.narrow(0, 0, 32)));
  EXPECT_TRUE(at::equal(made.narrow(0, 0, 32), orthogonalise(matrix.narrow(0, 0, 32), 1)));
  EXPECT_TRUE(at::allclose(made.narrow(0, 32, 32), made_of_other.narrow(0, 32, 32), 1e-4, 1e-4));
  EXPECT_FALSE(at::allclose(made, orthogonalise(matrix, 1), 1e-2, 1e-2));
}

TEST(Orthogonalise, ZerosStayZerosAndTinyMatricesAreTakenAsTheyAre) {
  EXPECT_TRUE(at::equal(orthogonalise(at::zeros({8, 4}), 2), at::zeros({8, 4})));
  at::manual_seed(4);
  const auto matrix = at::randn({24, 16});
  const auto expected = orthogonalise(matrix, 1);
  for (const double scale : {1e-30, 1e-10, 1e10, 1e30})  // in float32 the squares would be lost
    EXPECT_TRUE(at::allclose(orthogonalise(matrix * scale, 1), expected, 1e-3, 1e-4)) << scale;
}

TEST(Orthogonalise, TheSameMatrixGetsTheSameBitsWhereverItLies) {
  at::manual_seed(5);
  const auto matrix = at::randn({96, 32});
  const auto expected = orthogonalise(matrix, 3);
  for (const int64_t offset : {1, 3, 16}) {
    const auto moved = at::zeros({offset + matrix.numel()}).narrow(0, offset, matrix.numel());
    moved.copy_(matrix.view({-1}));
    EXPECT_TRUE(at::equal(orthogonalise(moved.view({96, 32}), 3), expected)) << offset;
  }
}

TEST(Orthogonalise, ShapesThatCannotBeAreRefused) {
  EXPECT_THROW(orthogonalise(at::zeros({8, 4}), 3), c10::Error);
  EXPECT_THROW(orthogonalise(at::zeros({8}), 1), c10::Error);
  EXPECT_THROW(orthogonalise(at::zeros({8, 4}, at::kDouble), 1), c10::Error);
}

TEST(Orthogonalise, CountsItsOperations) {
  EXPECT_EQ(orthogonalise_flops(384, 128, 3), 3 * 5 * 6.0 * 128 * 128 * 128);
  EXPECT_EQ(orthogonalise_flops(128, 352, 1), orthogonalise_flops(352, 128, 1));
}

}  // namespace
}  // namespace nextframe
