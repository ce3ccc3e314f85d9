// This file is what calls of attention on the CPU and on CUDA take from their tensors alike.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/attention.h"
#include "kernels/norm.h"

namespace nextframe {

/// Address and strides of a [O, L, I, K, F] tensor.
template <class Operand>
Operand operand_of(const at::Tensor& x_OLIKF) {
  return {x_OLIKF.data_ptr(), x_OLIKF.stride(0), x_OLIKF.stride(1), x_OLIKF.stride(2),
          x_OLIKF.stride(3)};
}

/// Norm, rotation, scale and mask of a call over `keys` keys.
template <class Call>
void take_options(Call& call, const AttentionOptions& options, int64_t keys) {
  call.normalise = options.normalise;
  call.epsilon = static_cast<float>(kNormEpsilon);
  if (options.rotation.cosine_LP.defined()) {
    call.cosine = options.rotation.cosine_LP.const_data_ptr<float>();
    call.sine = options.rotation.sine_LP.const_data_ptr<float>();
  }
  call.scale = static_cast<float>(options.scale);
  call.mask = options.mask;
  call.mask.keys = keys;
}

}  // namespace nextframe
