#include <ATen/cuda/CUDAContextLight.h>
#include <c10/cuda/CUDAFunctions.h>

#include <cstdio>

#include "launch/device.h"

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

std::string pci_address(const cudaDeviceProp& properties) {
  char text[32];
  std::snprintf(text, sizeof(text), "%04x:%02x:%02x.0", properties.pciDomainID, properties.pciBusID,
                properties.pciDeviceID);
  return text;
}

}  // namespace

std::vector<Gpu> visible_gpus() {
  std::vector<Gpu> gpus;
  for (c10::DeviceIndex i = 0; i < c10::cuda::device_count(); ++i) {
    const auto& properties = *at::cuda::getDeviceProperties(i);
    gpus.push_back({hex(properties.uuid), properties.name, pci_address(properties)});
  }
  return gpus;
}

bool has_cuda_build() { return true; }

void use_gpu(int64_t index) { c10::cuda::set_device(static_cast<c10::DeviceIndex>(index)); }

}  // namespace nextframe
