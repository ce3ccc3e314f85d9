#include "kernels/adamw.h"

#include <ATen/ATen.h>

#include <cmath>

namespace nextframe {
namespace {

/// The constants of one step, rounded to float32 once.
struct Factors {
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float gradient_scale, shrink, step_size, inverse_root_correction2, epsilon, ema_decay,
      one_minus_ema;

  explicit Factors(const AdamWStep& s)
      : beta1(static_cast<float>(s.beta1)),
        one_minus_beta1(static_cast<float>(1 - s.beta1)),
        beta2(static_cast<float>(s.beta2)),
        one_minus_beta2(static_cast<float>(1 - s.beta2)),
        gradient_scale(static_cast<float>(s.gradient_scale)),
        shrink(static_cast<float>(1 - s.lr * s.weight_decay)),
        step_size(static_cast<float>(s.lr / (1 - std::pow(s.beta1, static_cast<double>(s.step))))),
        inverse_root_correction2(
            static_cast<float>(1 / std::sqrt(1 - std::pow(s.beta2, static_cast<double>(s.step))))),
        epsilon(static_cast<float>(s.epsilon)),
        ema_decay(static_cast<float>(s.ema_decay)),
        one_minus_ema(static_cast<float>(1 - s.ema_decay)) {}
};

/// IEEE operations only and no contraction (see CMakeLists.txt), so vector lanes and tail agree in
/// every bit.
void adamw_cpu(float* __restrict__ value, const float* __restrict__ gradient,
               float* __restrict__ moment1, float* __restrict__ moment2, int64_t count,
               const Factors& f) {
  for (int64_t i = 0; i < count; ++i) {
    const float g = gradient[i] * f.gradient_scale;
    moment1[i] = f.beta1 * moment1[i] + f.one_minus_beta1 * g;
    moment2[i] = f.beta2 * moment2[i] + f.one_minus_beta2 * (g * g);
    const float scale = std::sqrt(moment2[i]) * f.inverse_root_correction2 + f.epsilon;
    value[i] = f.shrink * value[i] - f.step_size * (moment1[i] / scale);
  }
}

void average_cpu(const float* __restrict__ value, float* __restrict__ average, int64_t count,
                 const Factors& f) {
  for (int64_t i = 0; i < count; ++i)
    average[i] = f.ema_decay * average[i] + f.one_minus_ema * value[i];
}

}  // namespace

void adamw_definition(const at::Tensor& values, const at::Tensor& gradients,
                      const at::Tensor& moment1, const at::Tensor& moment2,
                      const at::Tensor& average, const AdamWStep& step) {
  const Factors f(step);
  const auto scaled = gradients.mul(f.gradient_scale);
  moment1.mul_(f.beta1).add_(scaled.mul(f.one_minus_beta1));
  moment2.mul_(f.beta2).add_(scaled.mul(scaled).mul_(f.one_minus_beta2));
  const auto scale = moment2.sqrt().mul_(f.inverse_root_correction2).add_(f.epsilon);
  values.mul_(f.shrink).sub_(moment1.div(scale).mul_(f.step_size));
  if (average.defined()) average.mul_(f.ema_decay).add_(values.mul(f.one_minus_ema));
}

void adamw(const at::Tensor& values, const at::Tensor& gradients, const at::Tensor& moment1,
           const at::Tensor& moment2, const at::Tensor& average, const AdamWStep& step) {
  for (const auto& tensor :
       {values, gradients, moment1, moment2, average.defined() ? average : values}) {
    TORCH_CHECK(tensor.scalar_type() == at::kFloat && tensor.is_contiguous() &&
                    tensor.numel() == values.numel(),
                "adamw: need contiguous float32 buffers of ", values.numel(), " elements, got ",
                tensor.scalar_type(), " ", tensor.sizes());
  }
  if (!values.is_cpu()) return adamw_definition(values, gradients, moment1, moment2, average, step);
  const Factors f(step);
  adamw_cpu(values.mutable_data_ptr<float>(), gradients.const_data_ptr<float>(),
            moment1.mutable_data_ptr<float>(), moment2.mutable_data_ptr<float>(), values.numel(),
            f);
  if (average.defined()) {
    average_cpu(values.const_data_ptr<float>(), average.mutable_data_ptr<float>(), values.numel(),
                f);
  }
}

}  // namespace nextframe
