#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/cuda/operations.h"

namespace nextframe::cuda {
namespace {

Stream current_stream() { return c10::cuda::getCurrentCUDAStream().stream(); }
void check() { C10_CUDA_CHECK(cudaGetLastError()); }

constexpr Launches kLaunches = {add_norm,
                                add_norm_backward,
                                swiglu,
                                swiglu_backward,
                                cut_patches,
                                join_patches,
                                scale_bytes,
                                squared_error,
                                squared_error_backward,
                                cross_entropy,
                                cross_entropy_backward,
                                draw,
                                adamw,
                                squared_norm,
                                current_stream,
                                check};

}  // namespace

const Launches* launches() { return &kLaunches; }

}  // namespace nextframe::cuda
