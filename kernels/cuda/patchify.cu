// patchify on CUDA: one thread per output value.
//
// Memory bound: writes 4 B per value; a pixel is read from memory once and from cache by the
// windows that share it.
#include <algorithm>

#include "kernels/cuda/patchify_launch.h"

namespace nextframe {
namespace {

constexpr int kThreadsPerBlock = 256;
constexpr int64_t kMaxBlocks = 65535;

__device__ float scaled(uint8_t pixel) { return pixel / 127.5f - 1.0f; }
__device__ float scaled(float pixel) { return pixel; }

template <class Pixel>
__global__ void patchify_kernel(const Pixel* __restrict__ frames, float* __restrict__ patches,
                                PatchifyShape s, int64_t total) {
  const int64_t columns = s.width_px / s.patch_px, rows = s.height_px / s.patch_px;
  const int64_t window = s.patch_px + 2 * s.halo_px;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < total; i += stride) {
    // i walks patches_BTNE in memory order; find the pixel it came from.
    const int64_t c = i % s.channels, in_window = i / s.channels % (window * window);
    const int64_t patch = i / s.channels / (window * window);
    const int64_t frame = patch / (rows * columns);
    const int64_t y = patch / columns % rows * s.patch_px + in_window / window - s.halo_px;
    const int64_t x = patch % columns * s.patch_px + in_window % window - s.halo_px;
    const bool inside = y >= 0 && y < s.height_px && x >= 0 && x < s.width_px;
    const int64_t pixel = ((frame * s.height_px + y) * s.width_px + x) * s.channels + c;
    patches[i] = inside ? scaled(frames[pixel]) : 0.0f;
  }
}

template <class Pixel>
void launch(const Pixel* frames, float* patches, const PatchifyShape& s, cudaStream_t stream) {
  const int64_t window = s.patch_px + 2 * s.halo_px;
  const int64_t patches_a_frame = (s.height_px / s.patch_px) * (s.width_px / s.patch_px);
  const int64_t total = s.num_frames * patches_a_frame * window * window * s.channels;
  if (total == 0) return;
  const int64_t blocks_needed = (total + kThreadsPerBlock - 1) / kThreadsPerBlock;
  const auto num_blocks = static_cast<unsigned>(std::min(blocks_needed, kMaxBlocks));
  // clang-format off
  patchify_kernel<<<num_blocks, kThreadsPerBlock, 0, stream>>>(frames, patches, s, total);
  // clang-format on
}

}  // namespace

void patchify_launch(const uint8_t* frames, float* patches, const PatchifyShape& shape,
                     cudaStream_t stream) {
  launch(frames, patches, shape, stream);
}

void patchify_launch(const float* frames, float* patches, const PatchifyShape& shape,
                     cudaStream_t stream) {
  launch(frames, patches, shape, stream);
}

}  // namespace nextframe
