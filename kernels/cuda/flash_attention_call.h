// One call of flash attention, as its kernels take it: plain numbers.
#pragma once

#include <cstdint>

#include "kernels/attention_mask.h"
#include "kernels/cuda/attention_operand.h"

namespace nextframe {

/// Rows of log_sums and row_terms that a sequence has are a multiple of this: no kernel answers
/// more queries at once.
inline constexpr int32_t kFlashPadding = 128;

/// A unit is one (outer, inner, head); units are numbered with the head fastest, then inner.
struct FlashAttentionCall {
  uint32_t units, inner, heads;
  int32_t queries, padded_queries;     // mask.keys is the number of keys
  AttentionOperand query, key, value;  // queries and keys normalised and turned already
  AttentionOperand result;             // forward writes it; backward reads its gradient
  AttentionOperand grad_query, grad_key, grad_value;  // backward writes them
  /// [units, padded_queries], forward writes it, infinite where no query is:
  /// log2(sum over keys of 2^(log2(e) scale score)).
  float* log_sums;
  /// [units, padded_queries, 2], backward reads it: that, and the sum over a row of result times
  /// its gradient.
  const float* row_terms;
  float scale;  // of the scores, above 0
  AttentionMask mask;
};

enum class AttentionPass { place, carry_back, row_terms };

/// One pass over rows [outer, positions, inner, heads, head_dim], each by itself.
struct AttentionRowsCall {
  uint32_t rows, inner, heads, positions;
  AttentionOperand from, to;
  // Of queries and keys that are placed:
  int32_t first_position;  // of the angles
  bool normalise;          // x / sqrt(mean(x^2) + epsilon)
  float epsilon;
  const float* cosine;  // [positions, head_dim / 2], or null: not turned
  const float* sine;
  // Of row terms, which have padded_queries positions, more than the tensors:
  uint32_t real_positions;
  const float* log_sums;
  float* row_terms;
};

}  // namespace nextframe
