// Gradients of attention's operators for LibTorch's autograd.

#include "kernels/attention_operators.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

using Optional = OptionalTensor;
using Context = torch::autograd::AutogradContext;
using Variables = torch::autograd::variable_list;

/// The signatures of attention_backward_kept and self_attention_backward_kept.
using BackwardKept = ThreeTensors(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                  const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                  const Optional&, const Optional&, at::IntArrayRef, double);
using SelfBackwardKept = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                    const at::Tensor&, const Optional&, const Optional&,
                                    at::IntArrayRef, double);

/// The operator, and a note of what backward is given: `inputs`, then angles, then result and what
/// was kept if anything was.
at::Tensor attend(Context* context, Variables inputs, const at::Tensor& query,
                  const at::Tensor& key, const at::Tensor& value, const Optional& cosine,
                  const Optional& sine, at::IntArrayRef numbers, double scale) {
  const at::AutoDispatchBelowADInplaceOrView below;
  static const auto op =
      operator_named<decltype(attention_keeping_nothing)>("nextframe::attention_kept");
  const auto [result, kept] = op.call(query, key, value, cosine, sine, numbers, scale);
  inputs.insert(inputs.end(), {cosine.value_or(at::Tensor()), sine.value_or(at::Tensor()),
                               kept.defined() ? result : at::Tensor(), kept});
  context->save_for_backward(std::move(inputs));
  context->saved_data["numbers"] = numbers.vec();
  context->saved_data["scale"] = scale;
  return result;
}

class Attention : public torch::autograd::Function<Attention> {
 public:
  static at::Tensor forward(Context* context, const at::Tensor& query, const at::Tensor& key,
                            const at::Tensor& value, const Optional& cosine, const Optional& sine,
                            at::IntArrayRef numbers, double scale) {
    return attend(context, {query, key, value}, query, key, value, cosine, sine, numbers, scale);
  }

  static Variables backward(Context* context, Variables grads) {
    static const auto op =
        operator_named<decltype(attention_backward_fallback)>("nextframe::attention_backward");
    static const auto op_kept = operator_named<BackwardKept>("nextframe::attention_backward_kept");
    const auto saved = context->get_saved_variables();
    const auto cosine = defined(saved[3]), sine = defined(saved[4]);
    const auto numbers = context->saved_data["numbers"].toIntVector();
    const double scale = context->saved_data["scale"].toDouble();
    const auto [query, key, value] =
        saved[6].defined()
            ? op_kept.call(grads[0], saved[5], saved[6], saved[0], saved[1], saved[2], cosine, sine,
                           numbers, scale)
            : op.call(grads[0], saved[0], saved[1], saved[2], cosine, sine, numbers, scale);
    return {query, key, value, {}, {}, {}, {}};
  }
};

class SelfAttention : public torch::autograd::Function<SelfAttention> {
 public:
  static at::Tensor forward(Context* context, const at::Tensor& projections, const Optional& cosine,
                            const Optional& sine, at::IntArrayRef numbers, double scale) {
    return attend(context, {projections}, projections.select(3, 0), projections.select(3, 1),
                  projections.select(3, 2), cosine, sine, numbers, scale);
  }

  static Variables backward(Context* context, Variables grads) {
    static const auto op = operator_named<decltype(self_attention_backward_by_parts)>(
        "nextframe::self_attention_backward");
    static const auto op_kept =
        operator_named<SelfBackwardKept>("nextframe::self_attention_backward_kept");
    const auto saved = context->get_saved_variables();
    const auto cosine = defined(saved[1]), sine = defined(saved[2]);
    const auto numbers = context->saved_data["numbers"].toIntVector();
    const double scale = context->saved_data["scale"].toDouble();
    const auto grad =
        saved[4].defined()
            ? op_kept.call(grads[0], saved[3], saved[4], saved[0], cosine, sine, numbers, scale)
            : op.call(grads[0], saved[0], cosine, sine, numbers, scale);
    return {grad, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor attention_with_gradient(const at::Tensor& query, const at::Tensor& key,
                                   const at::Tensor& value, const Optional& cosine,
                                   const Optional& sine, at::IntArrayRef numbers, double scale) {
  return Attention::apply(query, key, value, cosine, sine, numbers, scale);
}
at::Tensor self_attention_with_gradient(const at::Tensor& projections, const Optional& cosine,
                                        const Optional& sine, at::IntArrayRef numbers,
                                        double scale) {
  return SelfAttention::apply(projections, cosine, sine, numbers, scale);
}

}  // namespace nextframe
