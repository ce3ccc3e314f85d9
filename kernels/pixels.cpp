#include "kernels/pixels.h"

#include <ATen/ATen.h>

#include "kernels/cpu/choose_loops.h"

namespace nextframe {

at::Tensor pixels_from_bytes(const at::Tensor& bytes) {
  TORCH_CHECK(bytes.scalar_type() == at::kByte, "pixels: frames must be uint8, got ",
              bytes.scalar_type());
  if (!bytes.is_cpu()) return bytes.to(at::kFloat).div_(127.5).sub_(1.0);
  const auto whole = bytes.contiguous();
  const auto pixels = at::empty(bytes.sizes(), at::kFloat);
  cpu::loops().scale_bytes(whole.const_data_ptr<uint8_t>(), whole.numel(),
                           pixels.mutable_data_ptr<float>());
  return pixels;
}

at::Tensor unit_range(const at::Tensor& pixels) {
  return pixels.add(1.0).mul_(0.5).clamp_(0.0, 1.0);
}

}  // namespace nextframe
