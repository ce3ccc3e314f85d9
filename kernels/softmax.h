// This file is the scaled, masked softmax in the middle of attention.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// softmax(scale * scores) over the last dimension, in float32. With `causal`, row i sees columns
/// <= i and its other probabilities are exactly 0.
///   scores   [..., L, L] float32 or bfloat16
///   returns  as scores
at::Tensor attention_softmax(const at::Tensor& scores, double scale, bool causal);

}  // namespace nextframe
