#include "trainer/peak_flops.h"

#include <torch/torch.h>

#include <chrono>

namespace nextframe {

double measure_peak_flops(c10::Device device, bool bf16) {
  const torch::NoGradGuard no_grad;
  const int64_t side = device.is_cpu() ? 1024 : 8192;
  const auto options =
      torch::TensorOptions().device(device).dtype(bf16 ? torch::kBFloat16 : torch::kFloat32);
  const auto a = torch::ones({side, side}, options), b = torch::ones({side, side}, options);
  const double flops =
      2.0 * static_cast<double>(side) * static_cast<double>(side) * static_cast<double>(side);
  double best_s = 1e9, total_s = 0;
  for (int run = 0; run < 20 && (run < 3 || total_s < 0.1); ++run) {
    const auto start = std::chrono::steady_clock::now();
    const auto product = torch::mm(a, b);
    product[0][0].item<float>();  // waits for the device
    const double elapsed_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best_s = std::min(best_s, elapsed_s);
    total_s += elapsed_s;
  }
  return flops / best_s;
}

}  // namespace nextframe
