#include "kernels/cpu/linear_cpu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include "kernels/cpu/scratch.h"
#include "kernels/norm.h"

namespace nextframe::cpu {
namespace {

constexpr int64_t kPackRows = 256;   // of a weight, packed by one task: whole panels
constexpr int64_t kWeightRows = 48;  // of a weight's gradient, one task

LinearCall make_call(const LinearInputs& inputs) {
  LinearCall call{};
  call.rows = inputs.x.numel() / inputs.x.size(-1);
  call.in = inputs.weight.size(1), call.out = inputs.weight.size(0);
  call.x = inputs.x.const_data_ptr();
  call.source = inputs.source;
  call.epsilon = static_cast<float>(kNormEpsilon);
  if (inputs.sum.defined()) call.sum = inputs.sum.const_data_ptr<float>();
  return call;
}

using Pack = decltype(LinearLoops::pack_forward);

uint32_t* words(const at::Tensor& packed) {
  return static_cast<uint32_t*>(packed.mutable_data_ptr());
}
at::Tensor empty_words(int64_t count) { return at::empty({count}, at::kInt); }

at::Tensor packed(const LinearInputs& inputs, Pack pack) {
  const int64_t out = inputs.weight.size(0), in = inputs.weight.size(1);
  const auto result = empty_words(out * in / 2);
  const float* const weight = inputs.weight.const_data_ptr<float>();
  at::parallel_for(0, (out + kPackRows - 1) / kPackRows, 1, [&](int64_t first, int64_t last) {
    pack(weight, out, in, first * kPackRows, std::min(out, last * kPackRows), words(result));
  });
  return result;
}

int64_t units(const LinearCall& call) { return (call.rows + kLinearRows - 1) / kLinearRows; }

/// What a profiler is told of a product [m, k] x [k, n].
std::vector<c10::IValue> shape(int64_t m, int64_t k, int64_t n) { return {m, k, n}; }

}  // namespace

bool has_linear(const at::Tensor& weight, const Loops& with) {
  return with.linear != nullptr && weight.is_cpu() && weight.scalar_type() == at::kFloat &&
         weight.is_contiguous() && weight.size(0) % kLinearAlignment == 0 &&
         weight.size(1) % kLinearAlignment == 0;
}

at::Tensor linear(const LinearInputs& inputs, const Loops& with) {
  auto call = make_call(inputs);
  RECORD_FUNCTION("nextframe::linear", shape(call.rows, call.in, call.out));
  auto sizes = inputs.x.sizes().vec();
  sizes.back() = call.out;
  const auto y = at::empty(sizes, inputs.sum.defined() ? at::kFloat : at::kBFloat16);
  call.y = y.mutable_data_ptr();
  const auto weight = packed(inputs, with.linear->pack_forward);
  at::parallel_for(0, units(call), 1, [&](int64_t first, int64_t last) {
    with.linear->forward(call, words(weight), first, last,
                         scratch(with.linear->scratch_bytes(call)));
  });
  return y;
}

LinearGradients linear_backward(const LinearInputs& inputs, const at::Tensor& grad,
                                const at::Tensor& grad_x_sum, bool wants_x, bool wants_weight,
                                const Loops& with) {
  auto call = make_call(inputs);
  const int64_t pairs = (call.rows + 1) / 2;
  LinearGradients result;
  call.grad = grad.const_data_ptr();
  if (grad_x_sum.defined()) call.grad_x_sum = grad_x_sum.const_data_ptr<float>();
  const auto grad_pairs = empty_words(pairs * call.out), x_pairs = empty_words(pairs * call.in);
  {
    RECORD_FUNCTION(wants_x ? "nextframe::linear_grad_x" : "nextframe::pack_pairs",
                    wants_x ? shape(call.rows, call.out, call.in) : std::vector<c10::IValue>());
    at::Tensor weight;
    if (wants_x) {
      result.x = at::empty_like(inputs.x);
      call.grad_x = result.x.mutable_data_ptr();
      weight = packed(inputs, with.linear->pack_backward);
    }
    at::parallel_for(0, units(call), 1, [&](int64_t first, int64_t last) {
      with.linear->backward(call, wants_x ? words(weight) : nullptr, first, last,
                            scratch(with.linear->scratch_bytes(call)), words(grad_pairs),
                            words(x_pairs));
    });
  }
  if (!wants_weight) return result;
  RECORD_FUNCTION("nextframe::linear_grad_weight", shape(call.out, call.rows, call.in));
  result.weight = at::empty_like(inputs.weight);
  float* const to = result.weight.mutable_data_ptr<float>();
  at::parallel_for(
      0, (call.out + kWeightRows - 1) / kWeightRows, 1, [&](int64_t first, int64_t last) {
        with.linear->grad_weight(call, words(grad_pairs), words(x_pairs), first * kWeightRows,
                                 std::min(call.out, last * kWeightRows), to);
      });
  return result;
}

}  // namespace nextframe::cpu
