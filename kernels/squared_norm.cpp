#include "kernels/squared_norm.h"

#include <ATen/ATen.h>

namespace nextframe {

double squared_norm(const at::Tensor& x, const cpu::Loops& with) {
  TORCH_CHECK(x.scalar_type() == at::kFloat && x.is_contiguous(),
              "squared_norm: need contiguous float32, got ", x.scalar_type(), " ", x.sizes());
  if (!x.is_cpu()) return x.to(at::kDouble).square_().sum().item<double>();
  return with.squared_norm(x.const_data_ptr<float>(), x.numel());
}

}  // namespace nextframe
