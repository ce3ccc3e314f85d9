#include "kernels/norm.h"

#include "kernels/fused/device.h"
#include "kernels/fused/rows.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

/// What add_rms_norm means. The fused forms are tested against it.
at::Tensor norm_definition(const at::Tensor& x, at::ScalarType dtype) {
  return (x * (x.square().mean(-1, /*keepdim=*/true) + kNormEpsilon).rsqrt()).to(dtype);
}

/// {x, its norm}, so that both gradients come back together.
class FastNorm : public torch::autograd::Function<FastNorm> {
 public:
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& x, at::ScalarType dtype) {
    context->set_materialize_grads(false);
    const auto rows = x.contiguous();
    context->save_for_backward({rows});
    return {rows.view(rows.sizes()), fused::add_rms_norm(rows, {}, dtype).second};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    if (!grads[1].defined()) return {grads[0], {}};
    const auto x = context->get_saved_variables()[0];
    return {fused::add_rms_norm_backward(x, grads[0], grads[1], /*wants_update=*/false).first, {}};
  }
};

class FastAddNorm : public torch::autograd::Function<FastAddNorm> {
 public:
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& x, const at::Tensor& update) {
    context->set_materialize_grads(false);
    const auto dtype = update.scalar_type();
    const auto [sum, norm] = fused::add_rms_norm(x.contiguous(), update.contiguous(), dtype);
    context->save_for_backward({sum});
    context->saved_data["dtype"] = dtype;
    return {sum, norm};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto sum = context->get_saved_variables()[0];
    if (!grads[1].defined())
      return {grads[0], grads[0].to(context->saved_data["dtype"].toScalarType())};
    const auto [grad_x, grad_update] =
        fused::add_rms_norm_backward(sum, grads[0], grads[1], /*wants_update=*/true);
    return {grad_x, grad_update};
  }
};

class FastAdd : public torch::autograd::Function<FastAdd> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& update) {
    context->saved_data["dtype"] = update.scalar_type();
    return fused::add(x.contiguous(), update.contiguous());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    return {grads[0], grads[0].to(context->saved_data["dtype"].toScalarType())};
  }
};

bool has_fast_form(const at::Tensor& x) {
  return fused::has_forms_for(x) && x.scalar_type() == at::kFloat;
}

}  // namespace

SumAndNorm add_rms_norm(const at::Tensor& x, const at::Tensor& update) {
  TORCH_CHECK(x.sizes() == update.sizes(), "norm: x ", x.sizes(), " and its update ",
              update.sizes(), " must have one shape");
  if (!has_fast_form(x) || update.device() != x.device()) {
    const auto sum = x + update;
    return {sum, norm_definition(sum, update.scalar_type())};
  }
  const auto outputs = FastAddNorm::apply(x, update);
  return {outputs[0], outputs[1]};
}

SumAndNorm keep_and_norm(const at::Tensor& x, bool bf16) {
  const auto dtype = bf16 ? at::kBFloat16 : x.scalar_type();
  if (!has_fast_form(x)) return {x, norm_definition(x, dtype)};
  const auto outputs = FastNorm::apply(x, dtype);
  return {outputs[0], outputs[1]};
}

at::Tensor rms_norm(const at::Tensor& x, bool bf16) { return keep_and_norm(x, bf16).norm; }

at::Tensor add_update(const at::Tensor& x, const at::Tensor& update) {
  const bool fast = has_fast_form(x) && update.device() == x.device();
  return fast ? FastAdd::apply(x, update) : x + update;
}

}  // namespace nextframe
