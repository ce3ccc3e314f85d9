// One decoding step (attention with a KV cache), as its kernels take it: plain numbers. Number i of
// the visible slots is the i-th oldest.
#pragma once

#include <cstdint>

#include "kernels/cuda/attention_operand.h"

namespace nextframe {

/// Of a sequence and head with kept keys and values; `oldest` is the slot of the first that is
/// seen.
struct RingOperand {
  AttentionOperand key, value;
  int32_t slots, oldest, seen;
};

/// One new token a sequence. A unit is one (outer, inner, head); units are numbered with the head
/// fastest, then inner.
struct DecodeStepCall {
  uint32_t units, inner, heads;
  AttentionOperand query, key, value;  // of the new token, its key not placed yet
  AttentionOperand result;
  RingOperand ring;  // the last slot that is seen is written
  bool normalise;    // query and key: x / sqrt(mean(x^2) + epsilon)
  float epsilon;
  const float* cosine;  // [head_dim / 2], or null: not turned
  const float* sine;
  float scale;  // of the scores, above 0
};

/// Keys that one block answers, at most. What is longer is answered in parts, which are joined
/// behind: always the same parts, so that no bit depends on how many sequences there are.
inline constexpr int32_t kDecodePartKeys = 512;
/// Rows of parts are a multiple of this.
inline constexpr int32_t kDecodePadding = 128;

/// Several new tokens a sequence, all kept already, which see the same slots.
struct DecodeFrameCall {
  uint32_t units, inner, heads;
  int32_t queries, padded_queries, parts;
  AttentionOperand query;  // placed
  AttentionOperand result;
  RingOperand ring;
  float scale;
  float* part_results;  // [parts, units, padded_queries, head_dim]; not used if there is one part
  float* part_logs;     // [parts, units, padded_queries]: log2(sum of 2^(log2(e) scale score))
};

}  // namespace nextframe
