// Picks the device that a rank computes on, among the GPUs that this process can see.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

/// What the choice of a device depends on.
struct DeviceQuestion {
  std::string requested = "auto";  // auto | cpu | cuda
  bool has_cuda_build = false;
  int64_t num_visible_gpus = 0;
  int64_t local_rank = 0;
  int64_t local_size = 1;
};

/// The only visible GPU, else the one with the local rank's number; the CPU if none is visible
/// and none was demanded. Throws EnvironmentError if there is no GPU for this rank.
c10::Device pick_device(const DeviceQuestion& question);

/// A rank's host and GPU, as the others see it.
struct RankDevice {
  int64_t host_number = 0;   // equal for ranks of one host
  std::string gpu_identity;  // "" on the CPU
};

/// "", or a message that names the first two ranks that would share a GPU, and the remedy.
std::string shared_gpu_problem(const std::vector<RankDevice>& ranks);

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
