#include "trainer/evaluate/ridge.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nextframe {
namespace {

/// What a target adds to the sums of an episode.
enum R2Sum : size_t { kRows, kTruth, kTruthSquared, kErrorSquared, kNumR2Sums };

std::vector<double> r2_of_each(const at::Tensor& truth_RC, const at::Tensor& predicted_RC) {
  const auto same_R = at::zeros({truth_RC.size(0)}, at::kLong);
  std::vector<double> r2;
  for (int64_t c = 0; c < truth_RC.size(1); ++c) {
    const auto column = [c](const at::Tensor& values_RC) { return values_RC.narrow(1, c, 1); };
    r2.push_back(r2_of(r2_sums(column(truth_RC), column(predicted_RC), same_R, 1).front()));
  }
  return r2;
}

/// The column of each target that has the least squared error.
std::vector<size_t> best_lambdas(const std::vector<at::Tensor>& guesses,
                                 const at::Tensor& truth_RC) {
  std::vector<at::Tensor> errors;
  for (const auto& guess_RC : guesses) errors.push_back((guess_RC - truth_RC).square().sum(0));
  const auto best_C = at::stack(errors).argmin(0);
  const auto* best = best_C.const_data_ptr<int64_t>();
  return {best, best + best_C.numel()};
}

}  // namespace

at::Tensor LinearMap::operator()(const at::Tensor& features_RF) const {
  const auto standard_RF = (features_RF.to(at::kDouble) - mean_F) / scale_F;
  return standard_RF.matmul(weights_FC) + bias_C;
}

RidgeRegression::RidgeRegression(const ProbeRows& rows) {
  const auto features_RF = rows.features_RF.to(at::kDouble);
  const auto num_rows = static_cast<double>(features_RF.size(0));
  TORCH_CHECK(num_rows > 0 && rows.targets_RC.size(0) == features_RF.size(0), "ridge: features ",
              features_RF.sizes(), " and targets ", rows.targets_RC.sizes(),
              " must have equally many rows, at least one");
  mean_F_ = features_RF.mean(0);
  const auto centred_RF = features_RF - mean_F_;
  const auto deviation_F = centred_RF.square().mean(0).sqrt();
  scale_F_ = at::where(deviation_F.gt(1e-12 * (1 + mean_F_.abs())), deviation_F, 1.0);
  const auto standard_RF = centred_RF / scale_F_;
  bias_C_ = rows.targets_RC.mean(0);
  products_FF_ = standard_RF.t().matmul(standard_RF) / num_rows;
  products_FC_ = standard_RF.t().matmul(rows.targets_RC - bias_C_) / num_rows;
}

LinearMap RidgeRegression::solve(double lambda) const {
  TORCH_CHECK(lambda > 0, "ridge: lambda must be above 0, got ", lambda);
  auto regular_FF = products_FF_.clone();
  regular_FF.diagonal().add_(lambda);
  const auto weights_FC = at::cholesky_solve(products_FC_, at::linalg_cholesky(regular_FF));
  return {mean_F_, scale_F_, weights_FC, bias_C_};
}

ProbeAnswer fit_probe(const ProbeRows& fit, const ProbeRows& choice,
                      const at::Tensor& features_RF) {
  const RidgeRegression some(fit);
  std::vector<at::Tensor> guesses;
  for (const double lambda : kLambdas) guesses.push_back(some.solve(lambda)(choice.features_RF));
  const auto best = best_lambdas(guesses, choice.targets_RC);
  auto chosen_RC = at::empty_like(choice.targets_RC);
  auto predicted_RC = at::empty({features_RF.size(0), chosen_RC.size(1)}, at::kDouble);
  const RidgeRegression all({at::cat({fit.features_RF, choice.features_RF}),
                             at::cat({fit.targets_RC, choice.targets_RC})});
  for (size_t i = 0; i < kLambdas.size(); ++i) {
    if (std::count(best.begin(), best.end(), i) == 0) continue;
    const auto guess_RC = all.solve(kLambdas[i])(features_RF);
    for (size_t c = 0; c < best.size(); ++c) {
      if (best[c] != i) continue;
      const auto column = static_cast<int64_t>(c);
      chosen_RC.select(1, column).copy_(guesses[i].select(1, column));
      predicted_RC.select(1, column).copy_(guess_RC.select(1, column));
    }
  }
  return {predicted_RC, r2_of_each(choice.targets_RC, chosen_RC)};
}

std::vector<Sums> r2_sums(const at::Tensor& truth_RC, const at::Tensor& predicted_RC,
                          const at::Tensor& episode_R, int64_t num_episodes) {
  const auto centred_RC = truth_RC - truth_RC.mean(0);  // the sums of squares lose no digits
  const auto terms_RCS = at::stack({at::ones_like(centred_RC), centred_RC, centred_RC.square(),
                                    (truth_RC - predicted_RC).square()},
                                   2);
  const auto terms_RS = terms_RCS.flatten(1);
  const auto sums_ES = at::zeros({num_episodes, terms_RS.size(1)}, at::kDouble)
                           .index_add_(0, episode_R, terms_RS)
                           .contiguous();
  std::vector<Sums> sums;
  for (int64_t episode = 0; episode < num_episodes; ++episode) {
    const auto* row = sums_ES.const_data_ptr<double>() + episode * sums_ES.size(1);
    sums.emplace_back(row, row + sums_ES.size(1));
  }
  return sums;
}

double r2_of(const Sums& sums) {
  double total = 0, count = 0;
  for (size_t c = 0; c + kNumR2Sums <= sums.size(); c += kNumR2Sums) {
    const double rows = sums[c + kRows];
    if (rows == 0) continue;
    const double varies = sums[c + kTruthSquared] - sums[c + kTruth] * sums[c + kTruth] / rows;
    if (varies <= 1e-9 * sums[c + kTruthSquared]) continue;
    total += 1 - sums[c + kErrorSquared] / varies;
    count += 1;
  }
  return count > 0 ? total / count : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace nextframe
