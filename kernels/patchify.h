// Cuts frames into patches, the first step of every tokenizer, and joins them again; converts
// pixels between bytes and floats.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// How a frame is cut: into squares of patch_px, each with halo_px of its surroundings on
/// every side (zeros outside of the frame). E = (patch_px + 2 halo_px)^2 * C values, in the
/// order row, column, channel.
struct PatchGrid {
  int64_t patch_px = 8;
  int64_t halo_px = 0;

  int64_t window_px() const { return patch_px + 2 * halo_px; }
};

/// The patches of each frame, row by row.
///   frames_BTHWC  float32, or uint8 that is scaled to [-1, 1]
///   returns       patches_BTNE of `dtype` (float32 or bfloat16), N = (H / patch_px)(W / patch_px)
at::Tensor patchify(const at::Tensor& frames_BTHWC, const PatchGrid& grid, at::ScalarType dtype);

/// The same, with each patch followed by its change since the previous frame: [B, T, N, 2 E].
/// before_B1HWC is the frame before the first one of each clip; if it is undefined, that
/// change is zero.
at::Tensor patchify_with_changes(const at::Tensor& frames_BTHWC, const at::Tensor& before_B1HWC,
                                 const PatchGrid& grid, at::ScalarType dtype);

/// The transpose of patchify: adds every window onto the frame it was cut from. Without a halo it
/// is the inverse.
///   patches_BTNE  float32 or bfloat16
///   returns       frames_BTHWC float32
at::Tensor unpatchify(const at::Tensor& patches_BTNE, const PatchGrid& grid, int64_t height_px,
                      int64_t width_px);

/// uint8 0 .. 255 -> float32 -1 .. 1, any shape.
at::Tensor pixels_from_bytes(const at::Tensor& bytes);

/// float32 -1 .. 1 -> 0 .. 1; clips what lies outside.
at::Tensor unit_range(const at::Tensor& pixels);

}  // namespace nextframe
