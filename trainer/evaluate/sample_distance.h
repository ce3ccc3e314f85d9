// Distances between two samples of feature vectors: whether they come from one distribution.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// The Fréchet distance of the Gaussians with the samples' means and covariances (Heusel et al.
/// 2017, eq. 6; covariances over N - 1):
///
///   |mu_x - mu_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^1/2)
///
/// The trace of the root is the sum of the roots of the eigenvalues of S_x^1/2 S_y S_x^1/2. It is
/// too large by an amount that grows with D / N, also between two samples of one distribution.
///   x_ND, y_MD  float64, N, M >= 2
double frechet_distance(const at::Tensor& x_ND, const at::Tensor& y_MD);

/// The squared maximum mean discrepancy with the kernel k(a, b) = (a'b / D + 1)^3 (Binkowski et al.
/// 2018, KID), by the U-statistic (Gretton et al. 2012, eq. 3), which is right on average at any
/// size and so may be below 0. Pairs of one group are left out of the means within a sample: clips
/// of one episode are not independent.
///   x_ND, y_MD        float64
///   group_N, group_M  int64, at least 2 different ones each
double polynomial_mmd2(const at::Tensor& x_ND, const at::Tensor& y_MD, const at::Tensor& group_N,
                       const at::Tensor& group_M);

}  // namespace nextframe
