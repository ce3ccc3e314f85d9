// Runs an operation on the fake device by the CPU's; for this folder only.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <optional>
#include <vector>

namespace nextframe::fake_device {

/// Pops the arguments and pushes the results, tensors of the fake device.
void run_operation(const c10::OperatorHandle& operation, torch::jit::Stack* stack);

/// A tensor of the same form in `storage`.
at::Tensor tensor_in(c10::Storage storage, const at::Tensor& like);

/// The same memory as the other device sees it.
at::Tensor seen_from(c10::Device device, const at::Tensor& tensor);

/// Tensors of an argument, and each replaced by what f makes of it.
template <class F>
void for_each_tensor(c10::IValue& value, const F& f) {
  if (value.isTensor()) {
    value = f(value.toTensor());
  } else if (value.isTensorList()) {
    std::vector<at::Tensor> tensors;
    for (const at::Tensor& tensor : value.toTensorVector()) tensors.push_back(f(tensor));
    value = tensors;
  } else if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> tensors;
    for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
      tensors.push_back(tensor && tensor->defined() ? std::make_optional(f(*tensor)) : tensor);
    }
    value = tensors;
  }
}

}  // namespace nextframe::fake_device
