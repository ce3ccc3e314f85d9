// Launches a kernel body (kernels/cuda/threads.cuh) on a stream.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "kernels/cuda/threads.cuh"

namespace nextframe {
namespace {

template <class Body>
__global__ void __launch_bounds__(kBlockThreads) run_body(const __grid_constant__ Body body) {
  body();
}

/// Blocks that a GPU holds if nothing but the number of threads bounds them. The GPUs of a machine
/// are taken to be alike.
inline int64_t room() {
  static const int64_t blocks = [] {
    int device = 0, processors = 0, threads = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    cudaDeviceGetAttribute(&threads, cudaDevAttrMaxThreadsPerMultiProcessor, device);
    return int64_t{std::max(1, processors)} * std::max(1, threads / kBlockThreads);
  }();
  return blocks;
}

struct Launch {
  cudaStream_t stream;

  template <class Body>
  void operator()(const Body& body) const {
    const auto num_blocks = static_cast<unsigned>(std::min(body.blocks(), room()));
    if (num_blocks == 0) return;
    // clang-format off
    run_body<<<num_blocks, kBlockThreads, Body::kSharedBytes, stream>>>(body);
    // clang-format on
  }
};

}  // namespace
}  // namespace nextframe
