#include <cuda_runtime_api.h>

#include "launch/error.h"
#include "launch/gpu.h"

namespace nextframe {
namespace {

std::string hex(const cudaUUID_t& uuid) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : uuid.bytes) {
    text += kDigits[(byte >> 4) & 15];
    text += kDigits[byte & 15];
  }
  return text;
}

void check(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return;
  throw EnvironmentError(std::string(call) + " failed: " + cudaGetErrorString(error) +
                         "; see what nvidia-smi says");
}

}  // namespace

std::vector<Gpu> visible_gpus() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver) {
    cudaGetLastError();  // clears it
    return {};
  }
  check(error, "cudaGetDeviceCount");
  std::vector<Gpu> gpus;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties;
    char pci[32] = {};
    check(cudaGetDeviceProperties(&properties, i), "cudaGetDeviceProperties");
    check(cudaDeviceGetPCIBusId(pci, sizeof(pci), i), "cudaDeviceGetPCIBusId");
    gpus.push_back({hex(properties.uuid), properties.name, pci});
  }
  return gpus;
}

bool has_cuda_build() { return true; }

void use_gpu(int64_t index) { check(cudaSetDevice(static_cast<int>(index)), "cudaSetDevice"); }

}  // namespace nextframe
