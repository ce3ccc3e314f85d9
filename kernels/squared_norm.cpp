#include "kernels/squared_norm.h"

#include <ATen/ATen.h>

namespace nextframe {

double squared_norm(const at::Tensor& x) {
  TORCH_CHECK(x.scalar_type() == at::kFloat && x.is_contiguous(),
              "squared_norm: need contiguous float32, got ", x.scalar_type(), " ", x.sizes());
  if (!x.is_cpu()) return x.to(at::kDouble).square_().sum().item<double>();
  constexpr int kLanes = 8;
  double sums[kLanes] = {};
  const float* values = x.const_data_ptr<float>();
  const int64_t count = x.numel();
  for (int64_t begin = 0; begin < count; begin += kLanes) {
    const int64_t lanes = std::min<int64_t>(kLanes, count - begin);
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const double value = values[begin + lane];
      sums[lane] += value * value;
    }
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace nextframe
