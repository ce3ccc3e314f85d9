// Attention with a mask, QK-norm and rotary embeddings: forward and backward over many sequences.
//
// A tensor of queries, keys or values is [O, L, I, K, F]: O outer groups, L positions of one
// sequence, I inner groups, K heads of F values. Sequences of different (o, i) never meet. So
// frames [B, T, N, 3, K, F] need no copy: along space a sequence is a frame, [B T, N, 1, 3, K, F];
// along time it is one token's place, as it is; over a whole clip it is [B, T N, 1, 3, K, F] with
// frames of N tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/attention_mask.h"
#include "kernels/rotary.h"

namespace nextframe {

struct AttentionOptions {
  AttentionMask mask;  // its `keys` is ignored: the tensor says
  double scale = 1;    // of the scores, above 0
  bool normalise =
      false;          // queries and keys: RMSNorm over F without a gain, before they are turned
  Rotation rotation;  // by position; of first_query + i for query i; undefined: not turned
};

/// softmax(scale * query key^T) value; registered as nextframe::attention.
///   query       [O, Q, I, K, F]   key, value  [O, L, I, K, F]   one dtype: float32, bfloat16,
///   float64, on CUDA float16       returns     as query
/// On the CPU bfloat16 factors of products are rounded to bfloat16 (the shares of a single query
/// are not); sums and the softmax are float32. Results do not depend on the number of threads or on
/// the other sequences of the call.
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionOptions& options);

/// The same of packed projections, every token a query; registered as nextframe::self_attention.
///   projections  [O, L, I, 3, K, F], queries, keys, values
///   returns      [O, L, I, K, F]
/// Backward keeps only the projections; on CUDA, of more than 64 positions in 16 bits, the result
/// and four bytes of each of its rows too. A forward that is run again for its backward, or without
/// gradients, keeps nothing of this.
at::Tensor self_attention(const at::Tensor& projections, const AttentionOptions& options);

/// What attention() means, in LibTorch's operations and the inputs' precision. What runs where
/// there is no kernel, and what every kernel is tested against in float64.
at::Tensor attention_definition(const at::Tensor& query, const at::Tensor& key,
                                const at::Tensor& value, const AttentionOptions& options);

}  // namespace nextframe
