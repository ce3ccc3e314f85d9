#include "trainer/records/peak_flops.h"

#include <array>
#include <chrono>

#include "kernels/torch.h"

namespace nextframe {
namespace {

/// From NVIDIA's data sheets, without sparsity. The first whose name begins a GPU's is taken.
struct Stated {
  const char* name;
  double bf16_tflops, fp32_tflops;
};
constexpr std::array kStated{
    Stated{"NVIDIA H100 PCIe", 756, 51},      Stated{"NVIDIA H100 NVL", 835, 60},
    Stated{"NVIDIA H100 80GB HBM3", 989, 67}, Stated{"NVIDIA H200 NVL", 835, 60},
    Stated{"NVIDIA H200", 989, 67},           Stated{"NVIDIA A100", 312, 19.5},
};

}  // namespace

double measure_peak_flops(c10::Device device, bool bf16) {
  const torch::NoGradGuard no_grad;
  const int64_t side = device.is_cpu() ? 1024 : 8192;
  const auto options =
      at::TensorOptions().device(device).dtype(bf16 ? at::kBFloat16 : torch::kFloat32);
  const auto a = at::ones({side, side}, options), b = at::ones({side, side}, options);
  const double flops =
      2.0 * static_cast<double>(side) * static_cast<double>(side) * static_cast<double>(side);
  double best_s = 1e9, total_s = 0;
  for (int run = 0; run < 20 && (run < 3 || total_s < 0.1); ++run) {
    const auto start = std::chrono::steady_clock::now();
    const auto product = at::mm(a, b);
    product[0][0].item<float>();  // waits for the device
    const double elapsed_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best_s = std::min(best_s, elapsed_s);
    total_s += elapsed_s;
  }
  return flops / best_s;
}

double stated_peak_flops(const std::string& gpu_name, bool bf16) {
  for (const auto& gpu : kStated) {
    if (gpu_name.rfind(gpu.name, 0) == 0) return (bf16 ? gpu.bf16_tflops : gpu.fp32_tflops) * 1e12;
  }
  return 0;
}

PeakFlops choose_peak_flops(double given_tflops, const std::string& gpu_name, bool bf16,
                            const std::function<double()>& measure) {
  if (given_tflops > 0) return {given_tflops * 1e12, "given", false};
  const double stated = stated_peak_flops(gpu_name, bf16);
  if (stated > 0) return {stated, "stated for " + gpu_name, false};
  return {measure(), "measured with a large product", true};
}

}  // namespace nextframe
