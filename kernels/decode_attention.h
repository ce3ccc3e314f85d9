// Decoding with a KV cache: the keys and values of the newest tokens join a ring buffer, and their
// queries attend to what it holds.
//
// Keys are stored after QK-norm and RoPE by their own positions, so that is done once for
// each. Results do not depend on where in the ring buffer a token is stored: sums run from the
// oldest slot to the newest.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/rotary.h"

namespace nextframe {

/// The KV cache of one layer. Any strides, but contiguous in the last dimension.
struct KvCache {
  at::Tensor key, value;  // [O, S, I, K, F] each: S slots; other letters as in kernels/attention.h
};

/// Makes an empty cache with `slots` slots, where those of one sequence and head are contiguous.
KvCache make_kv_cache(const at::Tensor& projections_OQI3KF, int64_t slots);

struct DecodeOptions {
  int64_t slot = 0;  // of the first new token; the others follow, wrapping around the end
  int64_t seen = 1;  // how many of the newest slots every new token sees, the new ones included
  double scale = 1;  // of the scores, above 0
  bool normalise = false;  // QK-norm: RMSNorm over F, without a gain, before RoPE
  Rotation rotation;       // RoPE angles, a row for each new token; undefined: none
};

/// Stores keys (after QK-norm and RoPE) and values of new tokens in slots `slot` and
/// following. Ignores scale and `seen`. Registered as nextframe::write_kv_cache.
///   projections  [O, Q, I, 3, K, F], queries, keys, values; the ring's dtype
void write_kv_cache(const at::Tensor& projections, const KvCache& ring,
                    const DecodeOptions& options);
/// Does the same, then computes softmax(scale query key^T) value over the visible slots.
/// Registered as nextframe::decode_attention. Has no gradient.
///   returns      [O, Q, I, K, F]
at::Tensor decode_attention(const at::Tensor& projections, const KvCache& ring,
                            const DecodeOptions& options);

/// The definitions of write_kv_cache() and decode_attention(), in LibTorch's operations and the
/// inputs' precision.
void write_kv_cache_definition(const at::Tensor& projections, const KvCache& ring,
                               const DecodeOptions& options);
at::Tensor decode_attention_definition(const at::Tensor& projections, const KvCache& ring,
                                       const DecodeOptions& options);

}  // namespace nextframe
