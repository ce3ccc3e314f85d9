#include "kernels/squared_error.h"

#include "kernels/fused/device.h"
#include "kernels/fused/squared_error.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

/// What frame_squared_error means. The fused forms are tested against it.
at::Tensor squared_error_definition(const at::Tensor& a_BT, const at::Tensor& b_BT) {
  return (a_BT - b_BT).square().flatten(2).sum(2);
}

class FastError : public torch::autograd::Function<FastError> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& a_BT,
                            const at::Tensor& b_BT) {
    const auto a = a_BT.contiguous(), b = b_BT.contiguous();
    context->save_for_backward({a, b});
    return fused::frame_squared_error(a, b);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto grad_a =
        fused::frame_squared_error_backward(saved[0], saved[1], grads[0].contiguous());
    return {grad_a, context->needs_input_grad(1) ? grad_a.neg() : at::Tensor()};
  }
};

}  // namespace

at::Tensor frame_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT) {
  TORCH_CHECK(a_BT.dim() >= 3 && a_BT.sizes() == b_BT.sizes(),
              "squared_error: two tensors [B, T, ...] of one shape are needed, got ", a_BT.sizes(),
              " and ", b_BT.sizes());
  const bool fast = fused::has_forms_for(a_BT) && a_BT.scalar_type() == at::kFloat &&
                    b_BT.scalar_type() == at::kFloat && a_BT.device() == b_BT.device();
  return fast ? FastError::apply(a_BT, b_BT) : squared_error_definition(a_BT, b_BT);
}

}  // namespace nextframe
