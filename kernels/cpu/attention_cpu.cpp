#include "kernels/cpu/attention_cpu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "kernels/attention_operators.h"
#include "kernels/cpu/scratch.h"

namespace nextframe::cpu {
namespace {

/// As the loops want it: neighbours in the last dimension.
at::Tensor with_rows(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

AttentionOperand operand(const at::Tensor& x_OLIKF) {
  return operand_of<AttentionOperand>(x_OLIKF);
}

AttentionCall make_call(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                        const AttentionOptions& options) {
  AttentionCall call{};
  const auto sizes = query.sizes();
  call.outer = sizes[0], call.queries = sizes[1], call.inner = sizes[2], call.heads = sizes[3];
  call.head_dim = sizes[4];
  call.query = operand(query), call.key = operand(key), call.value = operand(value);
  call.is_bf16 = query.scalar_type() == at::kBFloat16;
  take_options(call, options, key.size(1));
  return call;
}

constexpr int64_t kLargestCacheBytes = 32 << 20;

bool is_aligned(const AttentionOperand& x) {
  constexpr int64_t kLine = 64, kFloats = 16;
  return reinterpret_cast<uintptr_t>(x.data) % kLine == 0 && x.outer % kFloats == 0 &&
         x.position % kFloats == 0 && x.inner % kFloats == 0 && x.head % kFloats == 0;
}

/// Whether `written` operands of this size, and those read, are more than any cache holds.
bool uses_streaming_stores(const AttentionCall& call,
                           std::initializer_list<AttentionOperand> written) {
  const int64_t tensor = call.units() * call.queries * call.head_dim * 4;
  const auto tensors = static_cast<int64_t>(3 + written.size());
  return !call.is_bf16 && call.head_dim % 16 == 0 && tensors * tensor > kLargestCacheBytes &&
         std::all_of(written.begin(), written.end(), is_aligned);
}

/// `values`: of a unit, those that it computes with.
template <class Call>
void run_units(const Call& call, int64_t units, int64_t values,
               void (*run)(const Call& call, int64_t first, int64_t last, void* scratch),
               int64_t scratch_bytes) {
  const int64_t units_a_task = std::max<int64_t>(1, 65536 / std::max<int64_t>(1, values));
  at::parallel_for(0, units, units_a_task, [&](int64_t first, int64_t last) {
    run(call, first, last, scratch(scratch_bytes));
  });
}

}  // namespace

at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionOptions& options, const Loops& with) {
  const auto q = with_rows(query), k = with_rows(key), v = with_rows(value);
  const auto result = at::empty(query.sizes(), query.options());
  auto call = make_call(q, k, v, options);
  call.result = operand(result);
  call.uses_streaming_stores = uses_streaming_stores(call, {call.result});
  run_units(call, call.units(), call.queries * call.head_dim, with.attention,
            with.attention_scratch_bytes(call));
  return result;
}

void attention_backward(const at::Tensor& grad, const at::Tensor& query, const at::Tensor& key,
                        const at::Tensor& value, const AttentionOptions& options,
                        const at::Tensor& grad_query, const at::Tensor& grad_key,
                        const at::Tensor& grad_value, const Loops& with) {
  const auto g = with_rows(grad), q = with_rows(query), k = with_rows(key), v = with_rows(value);
  auto call = make_call(q, k, v, options);
  call.result = operand(g);
  call.grad_query = operand(grad_query), call.grad_key = operand(grad_key),
  call.grad_value = operand(grad_value);
  call.uses_streaming_stores =
      uses_streaming_stores(call, {call.grad_query, call.grad_key, call.grad_value});
  run_units(call, call.units(), call.queries * call.head_dim, with.attention_backward,
            with.attention_scratch_bytes(call));
}

at::Tensor decode_attention(const at::Tensor& projections, const KvCache& ring,
                            const DecodeOptions& options, const Loops& with) {
  const auto packed = with_rows(projections);
  AttentionOptions step;
  step.scale = options.scale, step.normalise = options.normalise, step.rotation = options.rotation;
  DecodeCall call{};
  call.step = make_call(packed.select(3, 0), packed.select(3, 1), packed.select(3, 2), step);
  const auto result = at::empty(packed.select(3, 0).sizes(), projections.options());
  call.step.result = operand(result);
  call.ring_key = operand(ring.key), call.ring_value = operand(ring.value);
  call.slots = ring.key.size(1), call.slot = options.slot, call.seen = options.seen;
  run_units(call, call.step.units(), options.seen * call.step.head_dim, with.decode,
            with.decode_scratch_bytes(call));
  return result;
}

}  // namespace nextframe::cpu
