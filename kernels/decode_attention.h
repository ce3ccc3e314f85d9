// Decoding with a KV cache: the keys and values of the newest tokens join a ring buffer, and their
// queries attend to what it holds.
//
// Keys are kept as they are compared, normalised and turned by their own positions, so none is
// placed twice and the order of slots means nothing. Results depend on what was kept, not on where
// in the ring it lies: sums run from the oldest slot to the newest.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/rotary.h"

namespace nextframe {

/// What one layer keeps. Any strides, neighbours in the last dimension.
struct KvCache {
  at::Tensor key, value;  // [O, S, I, K, F] each: S slots; other letters as in kernels/attention.h
};

/// Slots [S] of a new ring: those of one sequence and head lie behind one another.
KvCache make_kv_cache(const at::Tensor& projections_OQI3KF, int64_t slots);

struct DecodeOptions {
  int64_t slot = 0;  // of the first new token; the next ones follow, around the ring's end
  int64_t seen = 1;  // the newest slots, the new ones counted: what every new token sees
  double scale = 1;  // of the scores, above 0
  bool normalise =
      false;          // queries and keys: RMSNorm over F without a gain, before they are turned
  Rotation rotation;  // of the new tokens, a row each; undefined: not turned
};

/// Keeps new tokens, whose keys are placed, in slots `slot` and following; scale and `seen` are not
/// asked for. Registered as nextframe::keep_keys.
///   projections  [O, Q, I, 3, K, F], queries, keys, values; the ring's dtype
void keep_keys(const at::Tensor& projections, const KvCache& ring, const DecodeOptions& options);

/// The same, then softmax(scale query key^T) value over the slots that are seen; registered as
/// nextframe::decode_attention. Has no gradient.
///   returns      [O, Q, I, K, F]
at::Tensor decode_attention(const at::Tensor& projections, const KvCache& ring,
                            const DecodeOptions& options);

/// What keep_keys() and decode_attention() mean, in LibTorch's operations and the inputs'
/// precision.
void keep_keys_definition(const at::Tensor& projections, const KvCache& ring,
                          const DecodeOptions& options);
at::Tensor decode_attention_definition(const at::Tensor& projections, const KvCache& ring,
                                       const DecodeOptions& options);

}  // namespace nextframe
