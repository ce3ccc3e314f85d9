// One call of attention over short sequences, as its kernels take it: plain numbers.
#pragma once

#include <cstdint>

#include "kernels/attention_mask.h"
#include "kernels/cuda/attention_operand.h"

namespace nextframe {

/// Queries and keys of a sequence: at most so many.
inline constexpr int64_t kMaxShortLength = 64;

/// A unit is one (outer, inner, head); units are numbered with the head fastest, then inner.
struct ShortAttentionCall {
  uint32_t units, inner, heads;
  int32_t queries;  // mask.keys is the number of keys
  AttentionOperand query, key, value;
  AttentionOperand result;  // forward writes it; backward reads its gradient
  AttentionOperand grad_query, grad_key, grad_value;  // backward writes them
  bool normalise;  // queries and keys: x / sqrt(mean(x^2) + epsilon)
  float epsilon;
  const float* cosine;  // [positions, head_dim / 2], or null: not turned
  const float* sine;
  float scale;  // of the scores, above 0
  AttentionMask mask;
};

}  // namespace nextframe
