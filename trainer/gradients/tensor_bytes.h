// This file is how much memory tensors have.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>

namespace nextframe {

/// Bytes of all elements; 0 of an undefined tensor.
inline int64_t bytes_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0;
}

inline int64_t bytes_of(std::initializer_list<at::Tensor> tensors) {
  int64_t total = 0;
  for (const auto& tensor : tensors) total += bytes_of(tensor);
  return total;
}

}  // namespace nextframe
