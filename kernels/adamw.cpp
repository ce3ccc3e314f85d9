#include "kernels/adamw.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "kernels/fused/device.h"

namespace nextframe {
namespace {

/// The constants of one step, rounded to float32 once.
cpu::AdamWCall factors(const AdamWStep& s) {
  const auto correction1 = 1 - std::pow(s.beta1, static_cast<double>(s.step));
  const auto correction2 = 1 - std::pow(s.beta2, static_cast<double>(s.step));
  cpu::AdamWCall f{};
  f.beta1 = static_cast<float>(s.beta1), f.one_minus_beta1 = static_cast<float>(1 - s.beta1);
  f.beta2 = static_cast<float>(s.beta2), f.one_minus_beta2 = static_cast<float>(1 - s.beta2);
  f.gradient_scale = static_cast<float>(s.gradient_scale);
  f.shrink = static_cast<float>(1 - s.lr * s.weight_decay);
  f.step_size = static_cast<float>(s.lr / correction1);
  f.inverse_root_correction2 = static_cast<float>(1 / std::sqrt(correction2));
  f.epsilon = static_cast<float>(s.epsilon);
  f.ema_decay = static_cast<float>(s.ema_decay);
  f.one_minus_ema = static_cast<float>(1 - s.ema_decay);
  return f;
}

}  // namespace

void adamw_definition(const at::Tensor& values, const at::Tensor& gradients,
                      const at::Tensor& moment1, const at::Tensor& moment2,
                      const at::Tensor& average, const AdamWStep& step) {
  const auto f = factors(step);
  const auto scaled = gradients.mul(f.gradient_scale);
  moment1.mul_(f.beta1).add_(scaled.mul(f.one_minus_beta1));
  moment2.mul_(f.beta2).add_(scaled.mul(scaled).mul_(f.one_minus_beta2));
  const auto scale = moment2.sqrt().mul_(f.inverse_root_correction2).add_(f.epsilon);
  values.mul_(f.shrink).sub_(moment1.div(scale).mul_(f.step_size));
  if (average.defined()) average.mul_(f.ema_decay).add_(values.mul(f.one_minus_ema));
}

void adamw(const at::Tensor& values, const at::Tensor& gradients, const at::Tensor& moment1,
           const at::Tensor& moment2, const at::Tensor& average, const AdamWStep& step,
           const cpu::Loops& with) {
  for (const auto& tensor :
       {values, gradients, moment1, moment2, average.defined() ? average : values}) {
    TORCH_CHECK(tensor.scalar_type() == at::kFloat && tensor.is_contiguous() &&
                    tensor.numel() == values.numel() && tensor.device() == values.device(),
                "adamw: need contiguous float32 buffers of ", values.numel(), " elements on ",
                values.device(), ", got ", tensor.scalar_type(), " ", tensor.sizes(), " on ",
                tensor.device());
  }
  if (!fused::has_forms_for(values))
    return adamw_definition(values, gradients, moment1, moment2, average, step);
  auto call = factors(step);
  call.value = values.mutable_data_ptr<float>();
  call.gradient = gradients.const_data_ptr<float>();
  call.moment1 = moment1.mutable_data_ptr<float>();
  call.moment2 = moment2.mutable_data_ptr<float>();
  if (average.defined()) call.average = average.mutable_data_ptr<float>();
  if (values.is_cuda()) {
    return fused::launch_for(values, [&](const auto& launches, cuda::Stream stream) {
      launches.adamw(call, 0, values.numel(), stream);
    });
  }
  constexpr int64_t kElementsATask = 1 << 16;
  at::parallel_for(0, values.numel(), kElementsATask,
                   [&](int64_t first, int64_t last) { with.adamw(call, first, last); });
}

}  // namespace nextframe
