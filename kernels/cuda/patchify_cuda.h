// This file is patchify on CUDA. CMake picks patchify_cuda.cpp, or patchify_absent.cpp in a CPU
// build.
#pragma once

#include "kernels/patchify.h"

namespace nextframe {

/// As patchify, in float32, for checked contiguous CUDA tensors.
at::Tensor patchify_cuda(const at::Tensor& frames_BTHWC, const PatchGrid& grid);

}  // namespace nextframe
