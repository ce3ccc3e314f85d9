#include "trainer/evaluate/sample_distance.h"

#include <ATen/ATen.h>

namespace nextframe {
namespace {

void check_samples(const at::Tensor& x_ND, const at::Tensor& y_MD) {
  for (const auto* sample : {&x_ND, &y_MD}) {
    TORCH_CHECK(sample->dim() == 2 && sample->scalar_type() == at::kDouble &&
                    sample->size(1) == x_ND.size(1) && sample->size(0) >= 2,
                "distance: needed are float64 samples of 2 or more vectors of one width, got ",
                x_ND.sizes(), " and ", y_MD.sizes());
  }
}

at::Tensor covariance(const at::Tensor& x_ND) {
  const auto centred_ND = x_ND - x_ND.mean(0);
  return centred_ND.t().matmul(centred_ND) / static_cast<double>(x_ND.size(0) - 1);
}

/// The mean of the kernel over pairs of different groups.
double mean_within(const at::Tensor& kernel_NN, const at::Tensor& group_N) {
  const auto is_pair_NN = group_N.unsqueeze(0).ne(group_N.unsqueeze(1));
  const auto pairs = is_pair_NN.sum().item<double>();
  TORCH_CHECK(pairs > 0, "mmd: a sample must be of 2 groups or more");
  return (kernel_NN * is_pair_NN).sum().item<double>() / pairs;
}

}  // namespace

double frechet_distance(const at::Tensor& x_ND, const at::Tensor& y_MD) {
  check_samples(x_ND, y_MD);
  const auto x_DD = covariance(x_ND), y_DD = covariance(y_MD);
  const auto [values_D, vectors_DD] = at::linalg_eigh(x_DD);
  const auto root_DD = (vectors_DD * values_D.clamp_min(0).sqrt()).matmul(vectors_DD.t());
  const auto product_DD = root_DD.matmul(y_DD).matmul(root_DD);
  const auto trace_of_root = at::linalg_eigvalsh(product_DD).clamp_min(0).sqrt().sum();
  const auto means = (x_ND.mean(0) - y_MD.mean(0)).square().sum();
  return (means + x_DD.trace() + y_DD.trace() - 2 * trace_of_root).item<double>();
}

double polynomial_mmd2(const at::Tensor& x_ND, const at::Tensor& y_MD, const at::Tensor& group_N,
                       const at::Tensor& group_M) {
  check_samples(x_ND, y_MD);
  const auto kernel = [&](const at::Tensor& a, const at::Tensor& b) {
    return (a.matmul(b.t()) / static_cast<double>(x_ND.size(1)) + 1).pow(3);
  };
  return mean_within(kernel(x_ND, x_ND), group_N) + mean_within(kernel(y_MD, y_MD), group_M) -
         2 * kernel(x_ND, y_MD).mean().item<double>();
}

}  // namespace nextframe
