// Losses: cross-entropy of predicted tokens, and the squared error of predicted frames.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// -log softmax(logits)[target] of each row. Forward keeps one number a row, the probabilities are
/// computed once more in backward: they are never in memory.
///   logits   [..., V], float32 or bfloat16   targets  int64 [...], from 0 to V - 1
/// Another target is an error on the CPU; on CUDA, where to ask is to wait for the GPU, its loss is
/// NaN.
///   returns  float32 [...]
at::Tensor token_cross_entropy(const at::Tensor& logits, const at::Tensor& targets);

/// The sum of (a - b)^2 over the elements of each frame.
///   a, b     [B, T, ...], one shape and dtype
///   returns  [B, T], as a
at::Tensor frame_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT);

}  // namespace nextframe
