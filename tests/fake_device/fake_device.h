// A fake device: tensors in host memory that LibTorch takes for another device's, with every
// operation on them run by the CPU.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

namespace nextframe::fake_device {

inline const c10::Device kDevice{c10::DeviceType::PrivateUse1, 0};

/// A copy there; .cpu() is the way back.
at::Tensor to_device(const at::Tensor& tensor);
/// Parameters and buffers, in the memory where they are.
void to_device(torch::nn::Module& module);

}  // namespace nextframe::fake_device
