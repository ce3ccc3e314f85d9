#include "kernels/cuda/patchify_cuda.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/cuda/patchify_launch.h"

namespace nextframe {

at::Tensor patchify_cuda(const at::Tensor& frames_BTHWC, const PatchGrid& grid) {
  const c10::cuda::CUDAGuard device(frames_BTHWC.device());
  const auto sizes = frames_BTHWC.sizes();
  const PatchifyShape shape{sizes[0] * sizes[1], sizes[2],    sizes[3], sizes[4],
                            grid.patch_px,       grid.halo_px};
  const int64_t num_patches = (sizes[2] / grid.patch_px) * (sizes[3] / grid.patch_px);
  auto patches_BTNE =
      at::empty({sizes[0], sizes[1], num_patches, grid.window_px() * grid.window_px() * sizes[4]},
                frames_BTHWC.options().dtype(at::kFloat));
  float* const to = patches_BTNE.mutable_data_ptr<float>();
  const auto stream = c10::cuda::getCurrentCUDAStream();
  if (frames_BTHWC.scalar_type() == at::kByte) {
    patchify_launch(frames_BTHWC.const_data_ptr<uint8_t>(), to, shape, stream);
  } else {
    patchify_launch(frames_BTHWC.const_data_ptr<float>(), to, shape, stream);
  }
  C10_CUDA_CHECK(cudaGetLastError());
  return patches_BTNE;
}

}  // namespace nextframe
