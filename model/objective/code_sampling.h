// Sampling of codes from logits, the same bits in any batch.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/objective/objective.h"

namespace nextframe {

/// Uniform numbers in [0, 1) for the codes of one frame, [B, 1, N, count] on the device of
/// `known`, keyed by the rollout's seed, the rows' episodes and `key`.
///   key  counts frames, or rounds, of an episode
at::Tensor uniform_for_codes(const Clip& known, int64_t key, int64_t count,
                             const RolloutOptions& options);

/// Standard Gumbel noise from uniform numbers.
at::Tensor gumbel(const at::Tensor& uniform);

/// A code of each distribution softmax(logits / temperature), by the Gumbel-max trick; with
/// temperature 0 the likeliest.
///   logits, uniform  [..., V]
at::Tensor sample_codes(const at::Tensor& logits, const at::Tensor& uniform, double temperature);

}  // namespace nextframe
