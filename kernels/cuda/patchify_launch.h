// This file is patchify's plain-pointer launcher: the .cu file compiles without LibTorch headers.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace nextframe {

struct PatchifyShape {
  int64_t num_frames;  // B * T
  int64_t height_px, width_px, channels;
  int64_t patch_px, halo_px;
};

/// Bytes are scaled to [-1, 1].
void patchify_launch(const uint8_t* frames, float* patches, const PatchifyShape& shape,
                     cudaStream_t stream);
void patchify_launch(const float* frames, float* patches, const PatchifyShape& shape,
                     cudaStream_t stream);

}  // namespace nextframe
