#include "kernels/norm.h"

#include <torch/torch.h>

#include "kernels/cpu/norm_cpu.h"

namespace nextframe {
namespace {

/// What add_rms_norm means. The fast form is tested against it.
at::Tensor norm_definition(const at::Tensor& x, at::ScalarType dtype) {
  return (x * (x.square().mean(-1, /*keepdim=*/true) + kNormEpsilon).rsqrt()).to(dtype);
}

class FastNorm : public torch::autograd::Function<FastNorm> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            at::ScalarType dtype) {
    const auto rows = x.contiguous();
    context->save_for_backward({rows});
    return cpu::add_rms_norm(rows, {}, dtype).second;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    return {cpu::add_rms_norm_backward(context->get_saved_variables()[0], {}, grads[0]).first, {}};
  }
};

class FastAddNorm : public torch::autograd::Function<FastAddNorm> {
 public:
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& x, const at::Tensor& update) {
    const auto dtype = update.scalar_type();
    const auto [sum, norm] = cpu::add_rms_norm(x.contiguous(), update.contiguous(), dtype);
    context->save_for_backward({sum});
    return {sum, norm};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto sum = context->get_saved_variables()[0];
    const auto [grad_x, grad_update] = cpu::add_rms_norm_backward(sum, grads[0], grads[1]);
    return {grad_x, grad_update};
  }
};

bool has_fast_form(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

}  // namespace

SumAndNorm add_rms_norm(const at::Tensor& x, const at::Tensor& update) {
  TORCH_CHECK(x.sizes() == update.sizes(), "norm: x ", x.sizes(), " and its update ",
              update.sizes(), " must have one shape");
  if (!has_fast_form(x)) {
    const auto sum = x + update;
    return {sum, norm_definition(sum, update.scalar_type())};
  }
  const auto outputs = FastAddNorm::apply(x, update);
  return {outputs[0], outputs[1]};
}

at::Tensor rms_norm(const at::Tensor& x, bool bf16) {
  const auto dtype = bf16 ? at::kBFloat16 : x.scalar_type();
  return has_fast_form(x) ? FastNorm::apply(x, dtype) : norm_definition(x, dtype);
}

}  // namespace nextframe
