// Flash attention with a C interface, for scripts/bench/gpu_flash_attention.
#include <cuda_runtime.h>

#include "kernels/cuda/flash_attention.h"

namespace {

using namespace nextframe;

AttentionOperand operand(const int64_t* numbers) {
  return {reinterpret_cast<void*>(numbers[0]), numbers[1], numbers[2], numbers[3], numbers[4]};
}
HalfFormat format(int is_fp16) { return is_fp16 ? HalfFormat::fp16 : HalfFormat::bf16; }

}  // namespace

extern "C" {

/// Operands as scripts/bench/gpu_attention sends them: query, key, value, result, their gradients.
/// sizes: outer, queries, keys, inner, heads, head_dim. Returns CUDA's error, 0 if there is none.
int nf_flash_attention(int is_backward, int is_fp16, const int64_t* operands, const int64_t* sizes,
                       const int64_t* mask, float* log_sums, const float* row_terms, float scale,
                       cudaStream_t stream) {
  FlashAttentionCall call{};
  call.units = static_cast<uint32_t>(sizes[0] * sizes[3] * sizes[4]);
  call.queries = static_cast<int32_t>(sizes[1]);
  call.padded_queries = (call.queries + kFlashPadding - 1) / kFlashPadding * kFlashPadding;
  call.inner = static_cast<uint32_t>(sizes[3]), call.heads = static_cast<uint32_t>(sizes[4]);
  call.query = operand(operands), call.key = operand(operands + 5);
  call.value = operand(operands + 10), call.result = operand(operands + 15);
  call.grad_query = operand(operands + 20), call.grad_key = operand(operands + 25);
  call.grad_value = operand(operands + 30);
  call.log_sums = log_sums, call.row_terms = row_terms, call.scale = scale;
  call.mask = {sizes[2], mask[0], mask[1], mask[2], mask[3], mask[4]};
  const auto start = is_backward ? flash_attention_backward : flash_attention_forward;
  start(call, format(is_fp16), sizes[5], stream);
  return cudaGetLastError();
}

/// sizes: outer, positions, inner, heads, head_dim, positions of the pass, first position.
int nf_attention_pass(int pass, int is_fp16, const int64_t* from, const int64_t* to,
                      const int64_t* sizes, int normalise, const float* cosine, const float* sine,
                      const float* log_sums, float* row_terms, cudaStream_t stream) {
  AttentionRowsCall call{};
  call.positions = static_cast<uint32_t>(sizes[5]);
  call.real_positions = static_cast<uint32_t>(sizes[1]);
  call.inner = static_cast<uint32_t>(sizes[2]), call.heads = static_cast<uint32_t>(sizes[3]);
  call.rows = static_cast<uint32_t>(sizes[0]) * call.positions * call.inner * call.heads;
  call.from = operand(from), call.to = operand(to);
  call.first_position = static_cast<int32_t>(sizes[6]);
  call.normalise = normalise != 0, call.epsilon = 1e-5f;
  call.cosine = cosine, call.sine = sine;
  call.log_sums = log_sums, call.row_terms = row_terms;
  attention_pass(static_cast<AttentionPass>(pass), call, format(is_fp16), sizes[4], stream);
  return cudaGetLastError();
}

}  // extern "C"
