#include "kernels/pixels.h"

#include <ATen/ATen.h>

namespace nextframe {

at::Tensor pixels_from_bytes(const at::Tensor& bytes) {
  TORCH_CHECK(bytes.scalar_type() == at::kByte, "pixels: frames must be uint8, got ",
              bytes.scalar_type());
  return bytes.to(at::kFloat).div_(127.5).sub_(1.0);
}

at::Tensor unit_range(const at::Tensor& pixels) {
  return pixels.add(1.0).mul_(0.5).clamp_(0.0, 1.0);
}

}  // namespace nextframe
