// cuDNN's attention with a C interface, for scripts/bench/gpu_suite.
#include "kernels/cuda/cudnn_attention.h"

#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>

#include "scripts/bench/gpu/kernels/flash_call.h"

using namespace nextframe;

namespace {

/// Kept from call to call; all calls are on one stream.
void* room(int64_t bytes) {
  static void* kept = nullptr;
  static int64_t kept_bytes = 0;
  if (bytes <= kept_bytes) return kept;
  cudaFree(kept);
  kept_bytes = cudaMalloc(&kept, static_cast<size_t>(bytes)) == cudaSuccess ? bytes : 0;
  if (kept_bytes == 0) throw std::runtime_error("the GPU has no memory for cuDNN's workspace");
  return kept;
}

}  // namespace

extern "C" {

/// As nf_flash_attention, but for the sums of rows: `stats` is [units, queries], natural
/// logarithms. `result` has the five numbers of the result's operand in a backward, too.
int nf_cudnn_attention(int is_backward, int is_fp16, const int64_t* operands, const int64_t* result,
                       const int64_t* sizes, const int64_t* mask, float* stats, float scale,
                       cudaStream_t stream) {
  const CudnnCall call{suite::flash_call(operands, sizes, mask, nullptr, nullptr, scale),
                       suite::format(is_fp16),
                       sizes[5],
                       is_backward != 0,
                       suite::operand(result),
                       stats};
  try {
    const char* early = cudnn_refusal(call);
    const auto refusal = early != nullptr ? early : cudnn_attention(call, stream, room);
    if (refusal.empty()) return cudaGetLastError();
    std::fprintf(stderr, "nf_cudnn_attention: %s\n", refusal.c_str());
    return cudaErrorNotSupported;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nf_cudnn_attention: %s\n", error.what());
    return cudaErrorUnknown;
  }
}

/// The GPU's properties as cuDNN's JSON, cut to `size` bytes; nothing where it does not tell them.
int nf_cudnn_device(char* to, int64_t size) {
  try {
    std::snprintf(to, static_cast<size_t>(size), "%s", cudnn_device().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nf_cudnn_device: %s\n", error.what());
    return cudaErrorUnknown;
  }
  return 0;
}

}  // extern "C"
