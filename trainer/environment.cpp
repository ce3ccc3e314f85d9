#include "trainer/environment.h"

#include <torch/version.h>

#include "kernels/cpu/choose_loops.h"
#include "kernels/torch.h"
#include "launch/device.h"
#include "launch/environment.h"
#include "trainer/version.h"

namespace nextframe {

std::map<std::string, std::string> numerics_environment(c10::Device device, int64_t threads) {
  std::map<std::string, std::string> environment = {
      {"torch", TORCH_VERSION},
      {"cpu_capability", at::get_cpu_capability()},
      {"cpu_loops", cpu::loops().name},
      {"build", version() + " " + commit() + " " + build_type()},
      {"compiler", __VERSION__},
      {"device", c10::DeviceTypeName(device.type(), /*lower_case=*/true)},
      {"threads", std::to_string(threads)},
  };
  if (device.is_cuda()) {
    environment["gpu"] = visible_gpus().at(static_cast<size_t>(device.index())).name;
    environment["cuda"] = std::to_string(at::detail::getCUDAHooks().versionCUDART());
    environment["cudnn"] = std::to_string(at::detail::getCUDAHooks().versionRuntimeCuDNN());
    environment.merge(numerics_variables());
  }
  return environment;
}

std::vector<std::string> numerics_differences(const std::map<std::string, std::string>& before,
                                              const std::map<std::string, std::string>& now) {
  std::vector<std::string> lines;
  auto all = before;
  all.insert(now.begin(), now.end());
  const auto value = [](const auto& environment, const std::string& field) {
    const auto found = environment.find(field);
    return found == environment.end() ? std::string("absent") : found->second;
  };
  for (const auto& [field, unused] : all) {
    const auto a = value(before, field), b = value(now, field);
    if (a != b) lines.push_back("bits may differ: " + field + " " + a + " → " + b);
  }
  return lines;
}

}  // namespace nextframe
