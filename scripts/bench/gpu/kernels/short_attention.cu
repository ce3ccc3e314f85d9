// Short attention with a C interface, for scripts/bench/gpu_suite.
#include <cuda_runtime.h>

#include "kernels/cuda/short_attention.h"
#include "scripts/bench/gpu/kernels/operand.h"

using namespace nextframe;

/// sizes: outer, queries, keys, inner, heads, head_dim. Returns CUDA's error, 0 if there is none.
extern "C" int nf_short_attention(int is_backward, int is_fp16, const int64_t* operands,
                                  const int64_t* sizes, const int64_t* mask, int normalise,
                                  const float* cosine, const float* sine, float scale,
                                  cudaStream_t stream) {
  ShortAttentionCall call{};
  call.units = static_cast<uint32_t>(sizes[0] * sizes[3] * sizes[4]);
  call.queries = static_cast<int32_t>(sizes[1]);
  call.inner = static_cast<uint32_t>(sizes[3]);
  call.heads = static_cast<uint32_t>(sizes[4]);
  suite::take_operands(call, operands);
  call.mask = suite::mask(sizes[2], mask);
  call.normalise = normalise != 0, call.epsilon = 1e-5f;
  call.cosine = cosine, call.sine = sine;
  call.scale = scale;
  const auto start = is_backward ? short_attention_backward : short_attention_forward;
  start(call, suite::format(is_fp16), sizes[5], stream);
  return cudaGetLastError();
}
