// This file is the softmax of attention on the CPU; float32 or bfloat16, contiguous.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe::cpu {

at::Tensor attention_softmax(const at::Tensor& scores, double scale, bool causal);

/// From the probabilities and their gradient to the gradient of the scores.
at::Tensor attention_softmax_backward(const at::Tensor& probabilities, const at::Tensor& grad,
                                      double scale, bool causal);

}  // namespace nextframe::cpu
