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
  AttentionMask mask;      // its `keys` is ignored and taken from the tensor
  double scale = 1;        // of the scores, above 0
  bool normalise = false;  // QK-norm: RMSNorm over F, without a gain, before RoPE
  Rotation rotation;       // RoPE angles by position (first_query + i for query i); undefined: none
};

/// softmax(scale * query key^T) value; registered as nextframe::attention.
///   query       [O, Q, I, K, F]   key, value  [O, L, I, K, F]   one dtype: float32, bfloat16,
///   float64, on CUDA float16       returns     as query
/// On the CPU, factors of products are rounded to bfloat16 for bfloat16 inputs (except the
/// softmax of a single query); sums and the softmax are float32. Results do not depend on the
/// number of threads or on other sequences in the call.
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionOptions& options);

/// Self-attention of packed projections, where every token is a query; registered as
/// nextframe::self_attention.
///   projections  [O, L, I, 3, K, F], queries, keys, values
///   returns      [O, L, I, K, F]
/// Saves only the projections for backward; on CUDA, for more than 64 positions in 16 bits,
/// also the result and the log-sum of each row. Without gradients it saves nothing, as in the
/// first forward of activation checkpointing.
at::Tensor self_attention(const at::Tensor& projections, const AttentionOptions& options);

/// The definition of attention(), in LibTorch's operations and the inputs' precision. Runs
/// where there is no kernel; every kernel is tested against it in float64.
at::Tensor attention_definition(const at::Tensor& query, const at::Tensor& key,
                                const at::Tensor& value, const AttentionOptions& options);

}  // namespace nextframe
