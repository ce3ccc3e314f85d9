// Stands in for patchify_cuda.cpp in a build without CUDA.
#include <c10/util/Exception.h>

#include "kernels/cuda/patchify_cuda.h"

namespace nextframe {

at::Tensor patchify_cuda(const at::Tensor& /*frames_BTHWC*/, const PatchGrid& /*grid*/) {
  TORCH_CHECK(false, "patchify: built without CUDA (-DNF_CUDA=OFF), got a CUDA tensor");
}

}  // namespace nextframe
