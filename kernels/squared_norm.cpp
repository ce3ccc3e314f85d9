#include "kernels/squared_norm.h"

#include <ATen/ATen.h>

#include "kernels/fused/device.h"

namespace nextframe {

double squared_norm(const at::Tensor& x, const cpu::Loops& with) {
  TORCH_CHECK(x.scalar_type() == at::kFloat && x.is_contiguous(),
              "squared_norm: need contiguous float32, got ", x.scalar_type(), " ", x.sizes());
  if (x.is_cpu()) return with.squared_norm(x.const_data_ptr<float>(), x.numel());
  if (!fused::has_forms_for(x)) return x.to(at::kDouble).square_().sum().item<double>();
  const auto parts = at::empty({cuda::parts_of(x.numel())}, x.options().dtype(at::kDouble));
  const auto result = at::empty({}, parts.options());
  fused::launch_for(x, [&](const auto& launches, cuda::Stream stream) {
    launches.squared_norm(x.const_data_ptr<float>(), x.numel(), parts.mutable_data_ptr<double>(),
                          result.mutable_data_ptr<double>(), stream);
  });
  return result.item<double>();
}

}  // namespace nextframe
