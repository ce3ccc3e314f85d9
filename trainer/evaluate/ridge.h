// Ridge regression in float64 with its statistics: what a linear probe is fitted by.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/evaluate/figure.h"

namespace nextframe {

/// A linear map from F features to C targets.
struct LinearMap {
  at::Tensor mean_F, scale_F;  // features are standardised by these; float64
  at::Tensor weights_FC, bias_C;

  /// float64 [R, C].
  ///   features_RF  any floating type
  at::Tensor operator()(const at::Tensor& features_RF) const;
};

/// The rows that a probe is fitted to, one a frame.
struct ProbeRows {
  at::Tensor features_RF;  // floating
  at::Tensor targets_RC;   // float64
};

/// Ridge regression (Hoerl and Kennard 1970) on features of mean 0 and variance 1 (population; a
/// constant one stays 0), by a Cholesky factorisation of the normal equations in float64:
///
///   minimise  |y - X w - b|^2 / R + lambda |w|^2,   w = (X'X / R + lambda I)^-1 X'y / R
///
/// The constructor makes the products, so that several values of lambda cost little more than one.
class RidgeRegression {
 public:
  explicit RidgeRegression(const ProbeRows& rows);
  LinearMap solve(double lambda) const;  // lambda > 0

 private:
  at::Tensor mean_F_, scale_F_, bias_C_;
  at::Tensor products_FF_, products_FC_;  // over R
};

/// The values of lambda that are tried.
inline const std::vector<double> kLambdas{1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000};

/// What a probe that was fitted to some rows says of others.
struct ProbeAnswer {
  at::Tensor predicted_RC;        // float64
  std::vector<double> choice_r2;  // R^2 of each target on the rows that lambda was chosen by
};

/// Fits on `fit`, chooses for each target the lambda with the least error on `choice`, fits again
/// on both, and predicts from `features_RF`.
ProbeAnswer fit_probe(const ProbeRows& fit, const ProbeRows& choice, const at::Tensor& features_RF);

/// Each episode's part of the statistic that r2_of() computes, [4 C] sums.
///   truth_RC, predicted_RC  float64
///   episode_R               int64, 0 .. num_episodes - 1
std::vector<Sums> r2_sums(const at::Tensor& truth_RC, const at::Tensor& predicted_RC,
                          const at::Tensor& episode_R, int64_t num_episodes);

/// The coefficient of determination 1 - sum (y - y^)^2 / sum (y - mean y)^2 over the episodes in
/// the sums, of each target; then the mean over targets. Those that do not vary are left out; NaN
/// if none does.
double r2_of(const Sums& sums);

}  // namespace nextframe
