// A dream's step of attention with a C interface, for scripts/bench/gpu_suite.
#include <cuda_runtime.h>

#include "kernels/cuda/decode_attention.h"
#include "scripts/bench/gpu/kernels/operand.h"

using namespace nextframe;

namespace {

/// sizes: outer, queries, slots, inner, heads, head_dim, oldest, seen.
template <class Call>
Call decode_call(const int64_t* operands, const int64_t* sizes, float scale) {
  Call call{};
  call.units = static_cast<uint32_t>(sizes[0] * sizes[3] * sizes[4]);
  call.inner = static_cast<uint32_t>(sizes[3]), call.heads = static_cast<uint32_t>(sizes[4]);
  call.query = suite::operand(operands), call.result = suite::operand(operands + 15);
  call.ring = {suite::operand(operands + 5), suite::operand(operands + 10),
               static_cast<int32_t>(sizes[2]), static_cast<int32_t>(sizes[6]),
               static_cast<int32_t>(sizes[7])};
  call.scale = scale;
  return call;
}

}  // namespace

extern "C" {

/// operands: query, ring's keys and values, result, the new token's key and value. Keeps them in
/// the last slot that is seen. Returns CUDA's error, 0 if there is none.
int nf_decode_step(int is_fp16, const int64_t* operands, const int64_t* sizes, float scale,
                   cudaStream_t stream) {
  auto call = decode_call<DecodeStepCall>(operands, sizes, scale);
  call.key = suite::operand(operands + 20), call.value = suite::operand(operands + 25);
  decode_step(call, suite::format(is_fp16), sizes[5], stream);
  return cudaGetLastError();
}

/// operands: query, ring's keys and values, result. Parts: how many, then room for them.
int nf_decode_frame(int is_fp16, const int64_t* operands, const int64_t* sizes, float scale,
                    int64_t parts, int64_t padded_queries, float* part_results, float* part_logs,
                    cudaStream_t stream) {
  auto call = decode_call<DecodeFrameCall>(operands, sizes, scale);
  call.queries = static_cast<int32_t>(sizes[1]);
  call.padded_queries = static_cast<int32_t>(padded_queries);
  call.parts = static_cast<int32_t>(parts);
  call.part_results = part_results, call.part_logs = part_logs;
  decode_frame(call, suite::format(is_fp16), sizes[5], stream);
  if (parts > 1) join_decode_parts(call, suite::format(is_fp16), sizes[5], stream);
  return cudaGetLastError();
}

}  // extern "C"
