#include "kernels/pixels.h"

#include <ATen/ATen.h>

#include "kernels/fused/device.h"

namespace nextframe {

at::Tensor pixels_from_bytes(const at::Tensor& bytes) {
  TORCH_CHECK(bytes.scalar_type() == at::kByte, "pixels: frames must be uint8, got ",
              bytes.scalar_type());
  if (!fused::has_forms_for(bytes)) return bytes.to(at::kFloat).div_(127.5).sub_(1.0);
  const auto whole = bytes.contiguous();
  const auto pixels = at::empty(bytes.sizes(), bytes.options().dtype(at::kFloat));
  fused::run_on(bytes, cpu::loops(), [&](const auto& forms, auto... stream) {
    forms.scale_bytes(whole.const_data_ptr<uint8_t>(), whole.numel(),
                      pixels.template mutable_data_ptr<float>(), stream...);
  });
  return pixels;
}

at::Tensor unit_range(const at::Tensor& pixels) {
  return pixels.add(1.0).mul_(0.5).clamp_(0.0, 1.0);
}

}  // namespace nextframe
