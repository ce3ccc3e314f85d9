#include "kernels/cpu/patchify_cpu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/record_function.h>

namespace nextframe::cpu {
namespace {

PatchCall make_call(const at::Tensor& frames_BTHWC, const PatchGrid& grid,
                    at::ScalarType patch_dtype) {
  PatchCall call{};
  const auto sizes = frames_BTHWC.sizes();
  call.clip_frames = sizes[1];
  call.height_px = sizes[2], call.width_px = sizes[3], call.channels = sizes[4];
  call.patch_px = grid.patch_px, call.halo_px = grid.halo_px;
  call.frames_are_bytes = frames_BTHWC.scalar_type() == at::kByte;
  call.patches_are_bf16 = patch_dtype == at::kBFloat16;
  call.frames = frames_BTHWC.data_ptr();
  return call;
}

at::Tensor cut(PatchCall call, const at::Tensor& frames_BTHWC, const PatchGrid& grid,
               at::ScalarType dtype, const Loops& with) {
  RECORD_FUNCTION("nextframe::patchify", c10::ArrayRef<const c10::IValue>());
  const int64_t num_patches = (call.height_px / call.patch_px) * (call.width_px / call.patch_px);
  const int64_t values = grid.window_px() * grid.window_px() * call.channels;
  const int64_t B = frames_BTHWC.size(0), T = frames_BTHWC.size(1);
  const auto patches_BTNE =
      at::empty({B, T, num_patches, call.with_changes ? 2 * values : values}, dtype);
  call.patches = patches_BTNE.mutable_data_ptr();
  at::parallel_for(0, B * T, 1,
                   [&](int64_t first, int64_t last) { with.cut_patches(call, first, last); });
  return patches_BTNE;
}

}  // namespace

at::Tensor patchify(const at::Tensor& frames_BTHWC, const PatchGrid& grid, at::ScalarType dtype,
                    const Loops& with) {
  return cut(make_call(frames_BTHWC, grid, dtype), frames_BTHWC, grid, dtype, with);
}

at::Tensor patchify_with_changes(const at::Tensor& frames_BTHWC, const at::Tensor& before_B1HWC,
                                 const PatchGrid& grid, at::ScalarType dtype, const Loops& with) {
  auto call = make_call(frames_BTHWC, grid, dtype);
  call.with_changes = true;
  if (before_B1HWC.defined()) call.before = before_B1HWC.const_data_ptr();
  return cut(call, frames_BTHWC, grid, dtype, with);
}

at::Tensor unpatchify(const at::Tensor& patches_BTNE, const PatchGrid& grid, int64_t height_px,
                      int64_t width_px, const Loops& with) {
  RECORD_FUNCTION("nextframe::unpatchify", c10::ArrayRef<const c10::IValue>());
  const auto sizes = patches_BTNE.sizes();
  const int64_t channels = sizes[3] / (grid.window_px() * grid.window_px());
  const auto frames_BTHWC =
      at::empty({sizes[0], sizes[1], height_px, width_px, channels}, at::kFloat);
  auto call = make_call(frames_BTHWC, grid, patches_BTNE.scalar_type());
  call.patches = patches_BTNE.data_ptr();
  at::parallel_for(0, sizes[0] * sizes[1], 1,
                   [&](int64_t first, int64_t last) { with.join_patches(call, first, last); });
  return frames_BTHWC;
}

}  // namespace nextframe::cpu
