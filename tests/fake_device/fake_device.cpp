#include "tests/fake_device/fake_device.h"

#include <ATen/ATen.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>
#include <torch/nn/module.h>

#include "tests/fake_device/operations.h"

namespace nextframe::fake_device {
namespace {

// ---- What LibTorch wants of a device

struct Guard final : c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::PrivateUse1> {
  c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
  c10::Device getDevice() const override { return kDevice; }
  c10::Stream getStream(c10::Device) const noexcept override { return stream(); }
  c10::Stream getDefaultStream(c10::Device) const override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return stream(); }
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)
struct Hooks final : at::PrivateUse1HooksInterface {
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
};
const bool has_hooks = (at::RegisterPrivateUse1HooksInterface(new Hooks), true);
const bool is_named = (c10::register_privateuse1_backend("fake_device"), true);

c10::DispatchKeySet keys_of(c10::Device device) {
  return c10::DispatchKeySet(device.is_cpu() ? c10::DispatchKey::CPU
                                             : c10::DispatchKey::PrivateUse1);
}

at::Tensor& set_storage(at::Tensor& self, c10::Storage storage, int64_t offset,
                        at::IntArrayRef sizes, at::IntArrayRef strides) {
  auto* const impl = self.unsafeGetTensorImpl();
  impl->set_storage_keep_dtype(std::move(storage));
  impl->set_sizes_and_strides(sizes, strides, offset);
  return self;
}

}  // namespace

at::Tensor tensor_in(c10::Storage storage, const at::Tensor& like) {
  const auto device = storage.device();
  auto result =
      at::detail::make_tensor<c10::TensorImpl>(std::move(storage), keys_of(device), like.dtype());
  result.unsafeGetTensorImpl()->set_sizes_and_strides(like.sizes(), like.strides(),
                                                      like.storage_offset());
  return result;
}

at::Tensor seen_from(c10::Device device, const at::Tensor& tensor) {
  const auto& storage = tensor.storage();
  auto* const keeper = new c10::Storage(storage);
  c10::DataPtr data(
      const_cast<void*>(storage.data()), keeper,
      [](void* kept) { delete static_cast<c10::Storage*>(kept); }, device);
  return tensor_in(c10::Storage(c10::Storage::use_byte_size_t(), storage.nbytes(), std::move(data),
                                c10::GetAllocator(at::kCPU), /*resizable=*/true),
                   tensor);
}

at::Tensor to_device(const at::Tensor& tensor) { return tensor.to(kDevice); }

/// LibTorch's own Module::to() cannot: it knows no tensor that may become one of this device.
void to_device(torch::nn::Module& module) {
  const auto move = [](const at::Tensor& tensor) {
    auto* const impl = tensor.unsafeGetTensorImpl();
    impl->set_storage_keep_dtype(seen_from(kDevice, tensor.detach()).storage());
    impl->_change_backend_component_keys(kDevice);
  };
  for (const auto& parameter : module.parameters()) move(parameter);
  for (const auto& buffer : module.buffers()) move(buffer);
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&run_operation>());
}
TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("set_.source_Storage_storage_offset", set_storage);
  // Defined for devices that are not told of, as an error.
  for (const char* name : {"convolution_overrideable", "convolution_backward_overrideable"})
    library.impl(name, torch::CppFunction::makeFromBoxedFunction<&run_operation>());
}

}  // namespace nextframe::fake_device
