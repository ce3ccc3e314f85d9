// The GPUs that this process can see.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

struct Gpu {
  std::string identity;  // the same for every process that sees this GPU
  std::string name;      // as sold
  std::string pci;       // "0000:3b:00.0"
};

/// In CUDA's order; empty where there is no driver or no GPU.
std::vector<Gpu> visible_gpus();

/// Whether this program was built with CUDA.
bool has_cuda_build();

/// Makes `index` the current device of the calling thread.
void use_gpu(int64_t index);

}  // namespace nextframe
