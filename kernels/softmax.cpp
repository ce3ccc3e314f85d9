#include "kernels/softmax.h"

#include <torch/torch.h>

#include <limits>

#include "kernels/cpu/softmax_cpu.h"

namespace nextframe {
namespace {

/// What attention_softmax means. The fast form is tested against it.
at::Tensor definition(const at::Tensor& scores, double scale, bool causal) {
  auto logits = (scores.scalar_type() == at::kBFloat16 ? scores.to(at::kFloat) : scores) * scale;
  if (causal) {
    const int64_t length = scores.size(-1);
    const auto later =
        at::ones({length, length}, scores.options().dtype(at::kBool)).triu(/*diagonal=*/1);
    logits = logits.masked_fill(later, -std::numeric_limits<double>::infinity());
  }
  return logits.softmax(-1).to(scores.scalar_type());
}

class FastSoftmax : public torch::autograd::Function<FastSoftmax> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& scores,
                            double scale, bool causal) {
    const auto probabilities = cpu::attention_softmax(scores.contiguous(), scale, causal);
    context->save_for_backward({probabilities});
    context->saved_data["scale"] = scale;
    context->saved_data["causal"] = causal;
    return probabilities;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto grad_scores = cpu::attention_softmax_backward(
        context->get_saved_variables()[0], grads[0].contiguous(),
        context->saved_data["scale"].toDouble(), context->saved_data["causal"].toBool());
    return {grad_scores, {}, {}};
  }
};

}  // namespace

at::Tensor attention_softmax(const at::Tensor& scores, double scale, bool causal) {
  TORCH_CHECK(scores.dim() >= 2 && scores.size(-1) == scores.size(-2),
              "softmax: scores must be square, got ", scores.sizes());
  const bool fast = scores.is_cpu() &&
                    (scores.scalar_type() == at::kFloat || scores.scalar_type() == at::kBFloat16);
  return fast ? FastSoftmax::apply(scores, scale, causal) : definition(scores, scale, causal);
}

}  // namespace nextframe
