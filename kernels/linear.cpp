#include "kernels/linear.h"

#include <torch/torch.h>

namespace nextframe {
namespace {

/// Keeps the rounded weight for backward, so that it is rounded once.
class Bf16Linear : public torch::autograd::Function<Bf16Linear> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
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

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
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

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, bool bf16) {
  TORCH_CHECK(weight.dim() == 2 && x.size(-1) == weight.size(1), "linear: x ", x.sizes(),
              " does not fit the weight ", weight.sizes(), " [out, in]");
  return bf16 ? Bf16Linear::apply(x, weight) : at::linear(x, weight);
}

}  // namespace nextframe
