// Flash attention of sm_90a with a C interface, for scripts/bench/gpu_suite.
#include <cstdio>
#include <exception>

#include "kernels/cuda/hopper_attention.h"
#include "scripts/bench/gpu/kernels/operand.h"

using namespace nextframe;

extern "C" {

/// As nf_flash_attention; cudaErrorNotSupported if the kernels cannot answer such a call.
int nf_hopper_attention(int is_backward, int is_fp16, const int64_t* operands, const int64_t* sizes,
                        const int64_t* mask, float* log_sums, const float* row_terms, float scale,
                        cudaStream_t stream) {
  FlashAttentionCall call{};
  call.units = static_cast<uint32_t>(sizes[0] * sizes[3] * sizes[4]);
  call.queries = static_cast<int32_t>(sizes[1]);
  call.padded_queries = (call.queries + kFlashPadding - 1) / kFlashPadding * kFlashPadding;
  call.inner = static_cast<uint32_t>(sizes[3]), call.heads = static_cast<uint32_t>(sizes[4]);
  suite::take_operands(call, operands);
  call.log_sums = log_sums, call.row_terms = row_terms, call.scale = scale;
  call.mask = suite::mask(sizes[2], mask);
  if (const char* refusal = hopper_refusal(call, sizes[5], is_backward != 0)) {
    std::fprintf(stderr, "nf_hopper_attention: %s\n", refusal);
    return cudaErrorNotSupported;
  }
  try {
    const auto start = is_backward ? hopper_attention_backward : hopper_attention_forward;
    start(call, suite::format(is_fp16), sizes[5], stream);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return cudaErrorUnknown;
  }
  return cudaGetLastError();
}

}  // extern "C"
