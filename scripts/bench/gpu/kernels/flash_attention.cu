// Flash attention with a C interface, for scripts/bench/gpu_suite.
#include <cuda_runtime.h>

#include "kernels/cuda/flash_attention.h"
#include "scripts/bench/gpu/kernels/flash_call.h"

using namespace nextframe;

extern "C" {

/// sizes: outer, queries, keys, inner, heads, head_dim. Returns CUDA's error, 0 if there is none.
int nf_flash_attention(int is_backward, int is_fp16, const int64_t* operands, const int64_t* sizes,
                       const int64_t* mask, float* log_sums, const float* row_terms, float scale,
                       cudaStream_t stream) {
  const auto call = suite::flash_call(operands, sizes, mask, log_sums, row_terms, scale);
  const auto start = is_backward ? flash_attention_backward : flash_attention_forward;
  start(call, suite::format(is_fp16), sizes[5], stream);
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
  call.from = suite::operand(from), call.to = suite::operand(to);
  call.first_position = static_cast<int32_t>(sizes[6]);
  call.normalise = normalise != 0, call.epsilon = 1e-5f;
  call.cosine = cosine, call.sine = sine;
  call.log_sums = log_sums, call.row_terms = row_terms;
  attention_pass(static_cast<AttentionPass>(pass), call, suite::format(is_fp16), sizes[4], stream);
  return cudaGetLastError();
}

}  // extern "C"
