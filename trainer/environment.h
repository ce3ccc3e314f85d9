// What a run's bits depend on besides its config: build, instruction set and device.
#pragma once

#include <c10/core/Device.h>

#include <map>
#include <string>
#include <vector>

namespace nextframe {

/// From field to value: torch, CPU capability, build and device; on a GPU also its name,
/// cuDNN, CUDA (whose toolkit brings cuBLAS), and what numerics_variables() finds.
std::map<std::string, std::string> numerics_environment(c10::Device device, int64_t threads);

/// One line for each field that differs: "bits may differ: torch 2.11.0 → 2.12.0".
std::vector<std::string> numerics_differences(const std::map<std::string, std::string>& before,
                                              const std::map<std::string, std::string>& now);

}  // namespace nextframe
