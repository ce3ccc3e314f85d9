#include "kernels/swiglu.h"

#include "kernels/fused/device.h"
#include "kernels/fused/rows.h"
#include "kernels/torch.h"

namespace nextframe {
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
