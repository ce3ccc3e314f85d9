#include "kernels/squared_norm.h"

#include <ATen/ATen.h>

#include "kernels/fused/device.h"

namespace nextframe {

double squared_norm(const at::Tensor& x, const cpu::Loops& with) {
  const auto result = at::empty({}, x.options().dtype(at::kDouble));
  squared_norm_to(result, x, with);
  return result.item<double>();
}

void squared_norm_to(const at::Tensor& result, const at::Tensor& x, const cpu::Loops& with) {
  TORCH_CHECK(x.scalar_type() == at::kFloat && x.is_contiguous(),
              "squared_norm: need contiguous float32, got ", x.scalar_type(), " ", x.sizes());
  TORCH_CHECK(
      result.scalar_type() == at::kDouble && result.numel() == 1 && result.device() == x.device(),
      "squared_norm: the result must be a float64 scalar on ", x.device(), ", got ",
      result.scalar_type(), " ", result.sizes(), " on ", result.device());
  auto* const to = result.mutable_data_ptr<double>();
  if (x.is_cpu()) {
    *to = with.squared_norm(x.const_data_ptr<float>(), x.numel());
  } else if (!fused::has_forms_for(x)) {
    result.copy_(x.to(at::kDouble).square_().sum());
  } else {
    const auto parts = at::empty({cuda::parts_of(x.numel())}, x.options().dtype(at::kDouble));
    fused::launch_for(x, [&](const auto& launches, cuda::Stream stream) {
      launches.squared_norm(x.const_data_ptr<float>(), x.numel(), parts.mutable_data_ptr<double>(),
                            to, stream);
    });
  }
}

}  // namespace nextframe
