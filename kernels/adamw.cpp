#include "kernels/adamw.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <cstring>

#include "kernels/fused/device.h"

namespace nextframe {
namespace {

/// The constants, rounded to float32 once.
cpu::AdamWCall rounded(const AdamWConstants& constants) {
  cpu::AdamWCall call{};
  call.beta1 = static_cast<float>(constants.beta1);
  call.one_minus_beta1 = static_cast<float>(1 - constants.beta1);
  call.beta2 = static_cast<float>(constants.beta2);
  call.one_minus_beta2 = static_cast<float>(1 - constants.beta2);
  call.epsilon = static_cast<float>(constants.epsilon);
  call.shrinks = constants.weight_decay != 0;
  return call;
}

/// One of the numbers as a scalar tensor.
at::Tensor select(const at::Tensor& numbers, float cpu::AdamWNumbers::*which) {
  const cpu::AdamWNumbers any{};
  return numbers.select(0, &(any.*which) - &any.gradient_scale);
}

}  // namespace

at::Tensor adamw_numbers(const AdamWConstants& constants, const AdamWStep& s) {
  const auto correction1 = 1 - std::pow(constants.beta1, static_cast<double>(s.step));
  const auto correction2 = 1 - std::pow(constants.beta2, static_cast<double>(s.step));
  cpu::AdamWNumbers n{};
  n.gradient_scale = static_cast<float>(s.gradient_scale);
  n.shrink = static_cast<float>(1 - s.lr * constants.weight_decay);
  n.step_size = static_cast<float>(s.lr / correction1);
  n.inverse_root_correction2 = static_cast<float>(1 / std::sqrt(correction2));
  n.ema_decay = static_cast<float>(s.ema_decay);
  n.one_minus_ema = static_cast<float>(1 - s.ema_decay);
  const auto numbers = at::empty({kAdamWNumbers}, at::kFloat);
  std::memcpy(numbers.mutable_data_ptr<float>(), &n, sizeof(n));
  return numbers;
}

void adamw_definition(const at::Tensor& values, const at::Tensor& gradients,
                      const at::Tensor& moment1, const at::Tensor& moment2,
                      const at::Tensor& average, const AdamWConstants& constants,
                      const at::Tensor& numbers) {
  using Numbers = cpu::AdamWNumbers;
  const auto c = rounded(constants);
  const auto number = [&](float Numbers::*which) { return select(numbers, which); };
  const auto is_bad = number(&Numbers::is_bad).ne(0);
  const auto replace = [&](const at::Tensor& old, const at::Tensor& fresh) {
    old.copy_(at::where(is_bad, old, fresh));
  };
  const auto scaled = gradients.mul(number(&Numbers::gradient_scale));
  replace(moment1, moment1.mul(c.beta1).add_(scaled.mul(c.one_minus_beta1)));
  replace(moment2, moment2.mul(c.beta2).add_(scaled.mul(scaled).mul_(c.one_minus_beta2)));
  const auto root = moment2.sqrt().mul_(number(&Numbers::inverse_root_correction2));
  const auto update = moment1.div(root.add_(c.epsilon)).mul_(number(&Numbers::step_size));
  const auto shrunk = c.shrinks ? values.mul(number(&Numbers::shrink)) : values;
  replace(values, shrunk.sub(update));
  if (!average.defined()) return;
  const auto part = values.mul(number(&Numbers::one_minus_ema));
  replace(average, average.mul(number(&Numbers::ema_decay)).add_(part));
}

void adamw(const at::Tensor& values, const at::Tensor& gradients, const at::Tensor& moment1,
           const at::Tensor& moment2, const at::Tensor& average, const AdamWConstants& constants,
           const at::Tensor& numbers, const cpu::Loops& with) {
  for (const auto& tensor :
       {values, gradients, moment1, moment2, average.defined() ? average : values}) {
    TORCH_CHECK(tensor.scalar_type() == at::kFloat && tensor.is_contiguous() &&
                    tensor.numel() == values.numel() && tensor.device() == values.device(),
                "adamw: need contiguous float32 buffers of ", values.numel(), " elements on ",
                values.device(), ", got ", tensor.scalar_type(), " ", tensor.sizes(), " on ",
                tensor.device());
  }
  TORCH_CHECK(numbers.scalar_type() == at::kFloat && numbers.is_contiguous() &&
                  numbers.numel() == kAdamWNumbers && numbers.device() == values.device(),
              "adamw: need ", kAdamWNumbers, " numbers of adamw_numbers() on ", values.device(),
              ", got ", numbers.scalar_type(), " ", numbers.sizes(), " on ", numbers.device());
  if (!fused::has_forms_for(values))
    return adamw_definition(values, gradients, moment1, moment2, average, constants, numbers);
  auto call = rounded(constants);
  call.value = values.mutable_data_ptr<float>();
  call.gradient = gradients.const_data_ptr<float>();
  call.moment1 = moment1.mutable_data_ptr<float>();
  call.moment2 = moment2.mutable_data_ptr<float>();
  if (average.defined()) call.average = average.mutable_data_ptr<float>();
  call.numbers = reinterpret_cast<const cpu::AdamWNumbers*>(numbers.const_data_ptr<float>());
  if (values.is_cuda()) {
    return fused::launch_for(values, [&](const auto& launches, cuda::Stream stream) {
      launches.adamw(call, 0, values.numel(), stream);
    });
  }
  constexpr int64_t kElementsATask = 1 << 16;
  at::parallel_for(0, values.numel(), kElementsATask,
                   [&](int64_t first, int64_t last) { with.adamw(call, first, last); });
}

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
