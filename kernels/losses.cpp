#include "kernels/losses.h"

#include "kernels/fused/device.h"
#include "kernels/fused/frames.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

/// What token_cross_entropy means. The fused forms are tested against it.
at::Tensor cross_entropy_definition(const at::Tensor& logits, const at::Tensor& targets) {
  const auto exact = logits.scalar_type() == at::kBFloat16 ? logits.to(at::kFloat) : logits;
  return -exact.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1);
}

cpu::RowsCall rows_of(const at::Tensor& logits) {
  return {logits.numel() / logits.size(-1), logits.size(-1), logits.scalar_type() == at::kBFloat16,
          0};
}

class FastCrossEntropy : public torch::autograd::Function<FastCrossEntropy> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& logits,
                            const at::Tensor& targets) {
    RECORD_FUNCTION("nextframe::token_cross_entropy", c10::ArrayRef<const c10::IValue>());
    const auto rows = logits.contiguous(), wanted = targets.contiguous();
    const auto losses = at::empty(targets.sizes(), logits.options().dtype(at::kFloat)),
               log_sums = at::empty_like(losses);
    fused::run_on(rows, cpu::loops(), [&](const auto& forms, auto... stream) {
      forms.cross_entropy(rows_of(rows), rows.const_data_ptr(), wanted.const_data_ptr<int64_t>(),
                          losses.template mutable_data_ptr<float>(),
                          log_sums.template mutable_data_ptr<float>(), stream...);
    });
    context->save_for_backward({rows, wanted, log_sums});
    return losses;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    RECORD_FUNCTION("nextframe::token_cross_entropy_backward", c10::ArrayRef<const c10::IValue>());
    const auto saved = context->get_saved_variables();
    const auto grad = grads[0].contiguous();
    const auto grad_logits = at::empty_like(saved[0]);
    fused::run_on(saved[0], cpu::loops(), [&](const auto& forms, auto... stream) {
      forms.cross_entropy_backward(rows_of(saved[0]), saved[0].const_data_ptr(),
                                   saved[1].const_data_ptr<int64_t>(),
                                   saved[2].const_data_ptr<float>(), grad.const_data_ptr<float>(),
                                   grad_logits.mutable_data_ptr(), stream...);
    });
    return {grad_logits, {}};
  }
};

}  // namespace

at::Tensor token_cross_entropy(const at::Tensor& logits, const at::Tensor& targets) {
  TORCH_CHECK(logits.dim() == targets.dim() + 1 &&
                  logits.sizes().slice(0, targets.dim()) == targets.sizes() &&
                  targets.scalar_type() == at::kLong,
              "cross_entropy: logits ", logits.sizes(),
              " need int64 targets of all dimensions but the last, got ", targets.scalar_type(),
              " ", targets.sizes());
  const auto type = logits.scalar_type();
  const bool fast = fused::has_forms_for(logits) && targets.device() == logits.device() &&
                    (type == at::kFloat || type == at::kBFloat16);
  if (fast && logits.is_cuda()) return FastCrossEntropy::apply(logits, targets);
  const int64_t vocabulary = logits.size(-1);
  if (targets.is_cpu() && targets.numel() > 0) {
    const auto [least, most] = targets.aminmax();
    TORCH_CHECK(least.item<int64_t>() >= 0 && most.item<int64_t>() < vocabulary,
                "cross_entropy: targets from ", least.item<int64_t>(), " to ", most.item<int64_t>(),
                " are not among ", vocabulary, " logits");
  }
  return fast ? FastCrossEntropy::apply(logits, targets)
              : cross_entropy_definition(logits, targets);
}

namespace {

/// What frame_squared_error means. The fused forms are tested against it.
at::Tensor squared_error_definition(const at::Tensor& a_BT, const at::Tensor& b_BT) {
  return (a_BT - b_BT).square().flatten(2).sum(2);
}

class FastSquaredError : public torch::autograd::Function<FastSquaredError> {
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
  return fast ? FastSquaredError::apply(a_BT, b_BT) : squared_error_definition(a_BT, b_BT);
}

}  // namespace nextframe
