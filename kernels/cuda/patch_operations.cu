// Frames and patches, see the bodies.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/patches.cuh"

namespace nextframe::cuda {

void cut_patches(const cpu::PatchCall& call, int64_t first, int64_t last, Stream stream) {
  start_cut_patches(call, first, last, Launch{stream});
}

void join_patches(const cpu::PatchCall& call, int64_t first, int64_t last, Stream stream) {
  start_join_patches(call, first, last, Launch{stream});
}

void scale_bytes(const uint8_t* bytes, int64_t count, float* pixels, Stream stream) {
  start_scale_bytes(bytes, count, pixels, Launch{stream});
}

}  // namespace nextframe::cuda
