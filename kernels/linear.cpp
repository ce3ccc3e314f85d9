#include "kernels/linear.h"

#include "kernels/cpu/linear_cpu.h"
#include "kernels/fused/device.h"
#include "kernels/fused/rows.h"
#include "kernels/norm.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// With LibTorch's products. Keeps the rounded weight for backward, so that it is rounded once.
class Bf16Linear : public torch::autograd::Function<Bf16Linear> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight) {
    const auto rows = x.reshape({-1, x.size(-1)}).to(at::kBFloat16);
    const auto rounded = weight.to(at::kBFloat16);
    context->save_for_backward({rows, rounded});
    context->saved_data["x_dtype"] = x.scalar_type();
    context->saved_data["x_sizes"] = x.sizes();
    auto sizes = x.sizes().vec();
    sizes.back() = weight.size(0);
    return at::mm(rows, rounded.t()).view(sizes);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto& rows = saved[0];
    const auto& rounded = saved[1];
    const auto grad_rows = grads[0].reshape({-1, rounded.size(0)});
    at::Tensor grad_x, grad_weight;
    if (context->needs_input_grad(0)) {
      grad_x = at::mm(grad_rows, rounded)
                   .view(context->saved_data["x_sizes"].toIntVector())
                   .to(context->saved_data["x_dtype"].toScalarType());
    }
    if (context->needs_input_grad(1)) {
      grad_weight = at::mm(grad_rows.t(), rows).to(at::kFloat);
    }
    return {grad_x, grad_weight};
  }
};

/// The same, and with a norm or a sum around it, in loops of our own.
class FastLinear : public torch::autograd::Function<FastLinear> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight) {
    const auto rows = x.contiguous();
    context->save_for_backward({rows, weight});
    return cpu::linear({cpu::LinearSource::kRows, rows, weight, {}});
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto grad = cpu::linear_backward({cpu::LinearSource::kRows, saved[0], saved[1], {}},
                                           grads[0].contiguous(), {}, context->needs_input_grad(0),
                                           context->needs_input_grad(1));
    return {grad.x, grad.weight};
  }
};

class FastNormLinear : public torch::autograd::Function<FastNormLinear> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& sum,
                               const at::Tensor& weight) {
    context->set_materialize_grads(false);
    const auto rows = sum.contiguous();
    context->save_for_backward({rows, weight});
    return {rows.view(rows.sizes()), cpu::linear({cpu::LinearSource::kNorm, rows, weight, {}})};
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    if (!grads[1].defined()) return {grads[0], {}};
    const auto saved = context->get_saved_variables();
    const auto beside = grads[0].defined() ? grads[0].contiguous() : at::Tensor();
    const auto grad = cpu::linear_backward(
        {cpu::LinearSource::kNorm, saved[0], saved[1], {}}, grads[1].contiguous(), beside,
        context->needs_input_grad(0), context->needs_input_grad(1));
    return {grad.x, grad.weight};
  }
};

class FastAddLinear : public torch::autograd::Function<FastAddLinear> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& sum, const at::Tensor& x,
                            const at::Tensor& weight, bool gated) {
    const auto rows = x.contiguous();
    context->save_for_backward({rows, weight});
    context->saved_data["gated"] = gated;
    return cpu::linear({source(gated), rows, weight, sum.contiguous()});
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto grad_sum = grads[0].contiguous();
    // The sum itself is not needed: that there is one says that the result's gradient is float32.
    const cpu::LinearInputs inputs{source(context->saved_data["gated"].toBool()), saved[0],
                                   saved[1], grad_sum};
    const auto grad = cpu::linear_backward(inputs, grad_sum, {}, context->needs_input_grad(1),
                                           context->needs_input_grad(2));
    return {grads[0], grad.x, grad.weight, {}};
  }

 private:
  static cpu::LinearSource source(bool gated) {
    return gated ? cpu::LinearSource::kGate : cpu::LinearSource::kRows;
  }
};

void check_fits(const at::Tensor& x, const at::Tensor& weight) {
  TORCH_CHECK(weight.dim() == 2 && x.size(-1) == weight.size(1), "linear: x ", x.sizes(),
              " does not fit the weight ", weight.sizes(), " [out, in]");
}

bool is_fast(const at::Tensor& x, at::ScalarType dtype, const at::Tensor& weight) {
  return x.is_cpu() && x.scalar_type() == dtype && cpu::has_linear(weight);
}

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, bool bf16) {
  check_fits(x, weight);
  if (!bf16) return at::linear(x, weight);
  if (cpu::has_linear(weight) && x.is_cpu()) return FastLinear::apply(x.to(at::kBFloat16), weight);
  return Bf16Linear::apply(x, weight);
}

SumAndProduct norm_linear(const at::Tensor& sum, const at::Tensor& weight, bool bf16) {
  check_fits(sum, weight);
  if (bf16 && is_fast(sum, at::kFloat, weight)) {
    const auto outputs = FastNormLinear::apply(sum, weight);
    return {outputs[0], outputs[1]};
  }
  const auto kept = keep_and_norm(sum, bf16);
  return {kept.sum, linear(kept.norm, weight, bf16)};
}

at::Tensor add_linear(const at::Tensor& sum, const at::Tensor& x, const at::Tensor& weight,
                      bool bf16) {
  check_fits(x, weight);
  const bool fast = bf16 && sum.scalar_type() == at::kFloat && is_fast(x, at::kBFloat16, weight);
  return fast ? FastAddLinear::apply(sum, x, weight, /*gated=*/false)
              : add_update(sum, linear(x, weight, bf16));
}

at::Tensor add_gated_linear(const at::Tensor& sum, const at::Tensor& x, const at::Tensor& weight,
                            bool bf16) {
  TORCH_CHECK(weight.dim() == 2 && x.size(-1) == 2 * weight.size(1), "linear: x ", x.sizes(),
              " does not fit the weight ", weight.sizes(), " [out, in] behind a gate");
  const bool fast = bf16 && sum.scalar_type() == at::kFloat && is_fast(x, at::kBFloat16, weight);
  return fast ? FastAddLinear::apply(sum, x, weight, /*gated=*/true)
              : add_update(sum, linear(swiglu(x), weight, bf16));
}

namespace {

/// What swiglu means. The fused forms are tested against it.
at::Tensor swiglu_definition(const at::Tensor& x) {
  const auto halves = (x.scalar_type() == at::kBFloat16 ? x.to(at::kFloat) : x).chunk(2, -1);
  return (at::silu(halves[0]) * halves[1]).to(x.scalar_type());
}

class FastSwiglu : public torch::autograd::Function<FastSwiglu> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x) {
    const auto rows = x.contiguous();
    context->save_for_backward({rows});
    return fused::swiglu(rows);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    return {fused::swiglu_backward(context->get_saved_variables()[0], grads[0].contiguous())};
  }
};

}  // namespace

at::Tensor swiglu(const at::Tensor& x) {
  TORCH_CHECK(x.size(-1) % 2 == 0, "swiglu: the last dimension of ", x.sizes(), " must be even");
  const bool fast = fused::has_forms_for(x) &&
                    (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
  return fast ? FastSwiglu::apply(x) : swiglu_definition(x);
}

}  // namespace nextframe
