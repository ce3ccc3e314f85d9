// Patchify, unpatchify and the squared error of frames, fused, for checked contiguous tensors on
// the CPU or a GPU.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/choose_loops.h"
#include "kernels/patchify.h"

namespace nextframe::fused {

at::Tensor patchify(const at::Tensor& frames_BTHWC, const PatchGrid& grid, at::ScalarType dtype,
                    const cpu::Loops& with = cpu::loops());

/// before_B1HWC may be undefined.
at::Tensor patchify_with_changes(const at::Tensor& frames_BTHWC, const at::Tensor& before_B1HWC,
                                 const PatchGrid& grid, at::ScalarType dtype,
                                 const cpu::Loops& with = cpu::loops());

at::Tensor unpatchify(const at::Tensor& patches_BTNE, const PatchGrid& grid, int64_t height_px,
                      int64_t width_px, const cpu::Loops& with = cpu::loops());

at::Tensor frame_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT,
                               const cpu::Loops& with = cpu::loops());

/// The gradient of a; that of b is its negative.
at::Tensor frame_squared_error_backward(const at::Tensor& a_BT, const at::Tensor& b_BT,
                                        const at::Tensor& grad_BT,
                                        const cpu::Loops& with = cpu::loops());

}  // namespace nextframe::fused
