// Flash attention of sm_90a with a C interface, for scripts/bench/gpu_suite.
#include <cstdio>
#include <exception>

#include "kernels/cuda/hopper_attention.h"
#include "scripts/bench/gpu/kernels/flash_call.h"

using namespace nextframe;

extern "C" {

/// As nf_flash_attention; cudaErrorNotSupported if the kernels cannot answer such a call.
int nf_hopper_attention(int is_backward, int is_fp16, const int64_t* operands, const int64_t* sizes,
                        const int64_t* mask, float* log_sums, const float* row_terms, float scale,
                        cudaStream_t stream) {
  const auto call = suite::flash_call(operands, sizes, mask, log_sums, row_terms, scale);
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
