// Ridge regression against other ways to the same numbers.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/torch.h"
#include "trainer/evaluate/ridge.h"

namespace nextframe {
namespace {

at::Tensor random_rows(int64_t rows, int64_t columns, uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn({rows, columns}, generator, at::kDouble);
}

TEST(Ridge, IsTheLeastSquaresSolutionOfTheAugmentedSystem) {
  // By QR of [X; sqrt(lambda R) I] w = [y; 0], without normal equations.
  const int64_t rows = 60, features = 24;
  auto x = random_rows(rows, features, 1) * 3 + 5;
  x.select(1, 3).copy_(x.select(1, 2) * 2 + 1e-3 * x.select(1, 4));  // nearly dependent
  const auto y = random_rows(rows, 2, 2) + x.narrow(1, 0, 2);
  const auto standard = (x - x.mean(0)) / x.std(0, false);
  for (const double lambda : {1e-4, 0.3, 10.0}) {
    const auto penalty =
        std::sqrt(lambda * static_cast<double>(rows)) * at::eye(features, at::kDouble);
    const auto [q, r] = at::linalg_qr(at::cat({standard, penalty}));
    const auto right =
        q.t().matmul(at::cat({y - y.mean(0), at::zeros({features, 2}, at::kDouble)}));
    const auto weights = at::linalg_solve_triangular(r, right, /*upper=*/true);
    const auto map = RidgeRegression({x, y}).solve(lambda);
    EXPECT_TRUE(at::allclose(map.weights_FC, weights, 0, 1e-8)) << lambda;
    EXPECT_TRUE(at::allclose(map(x), standard.matmul(weights) + y.mean(0), 0, 1e-8)) << lambda;
  }
}

TEST(Ridge, OfOneFeatureIsTheShrunkSlope) {
  const auto x = at::tensor({-1.0, 1.0, -1.0, 1.0}, at::kDouble).view({4, 1});
  const auto y = at::tensor({1.0, 5.0, 1.0, 5.0}, at::kDouble).view({4, 1});  // 3 + 2 x
  const auto map = RidgeRegression({x, y}).solve(0.25);
  EXPECT_NEAR(map.weights_FC.item<double>(), 2 / 1.25, 1e-12);
  EXPECT_NEAR(map.bias_C.item<double>(), 3, 1e-12);
}

TEST(Ridge, AConstantFeatureSaysNothing) {
  const auto x = at::cat({random_rows(30, 2, 3), at::full({30, 1}, 7.0, at::kDouble)}, 1);
  const auto map = RidgeRegression({x, x.narrow(1, 0, 1)}).solve(1e-4);
  EXPECT_EQ(map.weights_FC[2].item<double>(), 0);
  EXPECT_NEAR(map.weights_FC[1].item<double>(), 0, 1e-3);
}

TEST(Ridge, LambdaIsChosenForEachTargetByTheRowsLeftOut) {
  const auto fit_x = random_rows(40, 30, 4), choice_x = random_rows(40, 30, 5);
  const auto test_x = random_rows(200, 30, 6);
  const auto weights = random_rows(30, 1, 7);
  const auto noise = [](int64_t rows, uint64_t seed) { return random_rows(rows, 1, seed); };
  const auto targets = [&](const at::Tensor& x, uint64_t seed) {
    return at::cat({x.matmul(weights), noise(x.size(0), seed)}, 1);
  };
  const auto answer =
      fit_probe({fit_x, targets(fit_x, 8)}, {choice_x, targets(choice_x, 9)}, test_x);
  const auto truth = targets(test_x, 10);
  const auto same = at::zeros({200}, at::kLong);
  const auto r2 = [&](int64_t column) {
    return r2_of(
        r2_sums(truth.narrow(1, column, 1), answer.predicted_RC.narrow(1, column, 1), same, 1)[0]);
  };
  EXPECT_GT(r2(0), 0.999);
  EXPECT_GT(answer.choice_r2[0], 0.99);
  EXPECT_LT(r2(1), 0.05);
  EXPECT_GT(r2(1), -0.1);  // one lambda for both would follow the noise, to below -1
}

TEST(Ridge, R2IsOneLessTheErrorsShareOfTheVariance) {
  const auto truth = at::tensor({1.0, 4.0, 2.0, 4.0, 3.0, 4.0, 6.0, 4.0}, at::kDouble).view({4, 2});
  auto predicted = truth.clone();
  predicted[0][0] = 2.0;
  predicted[3][0] = 4.0;
  const auto episode = at::tensor({0, 0, 2, 2}, at::kLong);
  const auto sums = r2_sums(truth, predicted, episode, 3);
  ASSERT_EQ(sums.size(), 3u);
  Sums total(sums[0].size(), 0.0);
  for (const auto& own : sums)
    for (size_t i = 0; i < own.size(); ++i) total[i] += own[i];
  EXPECT_NEAR(r2_of(total), 1 - 5.0 / 14.0, 1e-12);  // the second target does not vary
  EXPECT_EQ(sums[1], Sums(8, 0.0));
  EXPECT_TRUE(std::isnan(r2_of(sums[1])));
}

}  // namespace
}  // namespace nextframe
