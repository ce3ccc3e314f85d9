// This file is patchify and unpatchify on the CPU, for checked contiguous tensors.
#pragma once

#include "kernels/patchify.h"

namespace nextframe::cpu {

at::Tensor patchify(const at::Tensor& frames_BTHWC, const PatchGrid& grid, at::ScalarType dtype);
at::Tensor unpatchify(const at::Tensor& patches_BTNE, const PatchGrid& grid, int64_t height_px,
                      int64_t width_px);

}  // namespace nextframe::cpu
