// This file is which masks are no more than what every library of attention knows.
#pragma once

#include "kernels/attention_mask.h"

namespace nextframe {

/// full: every query sees every key. causal: as many queries as keys, and query i sees keys 0 to i.
enum class StandardMask { full, causal, other };

/// What the mask is for so many queries. Other only where it is neither, but for one thing: a
/// window that forgets keys which first frames make good for is not looked through.
inline StandardMask standard_mask(const AttentionMask& mask, int64_t queries) {
  // Intervals grow with the query: the first sees the fewest new keys, the last has forgotten most.
  if (queries < 1 || mask.seen(queries - 1).begin > 0) return StandardMask::other;
  if (mask.seen(0).end == mask.keys) return StandardMask::full;
  const bool is_causal = mask.frame_tokens == 1 && mask.first_query == 0 && queries == mask.keys;
  return is_causal ? StandardMask::causal : StandardMask::other;
}

}  // namespace nextframe
