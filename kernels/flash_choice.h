// Chooses the kernels for long attention on a GPU, where several families could answer a call.
#pragma once

#include <string>

#include "kernels/attention_mask.h"

namespace nextframe {

/// mma: our kernels for every GPU since sm_80. hopper: our kernels for sm_90a. cudnn: NVIDIA's
/// library, for plain causal and full attention. Calls that the last two cannot answer run
/// with mma, after one warning.
enum class FlashChoice { mma, hopper, cudnn };

/// Sets the choice by name, for all calls of this process. The default is mma: sm_90a's
/// kernels have run only in the emulator, and cuDNN on no GPU of ours yet.
void choose_flash_kernels(const std::string& name);

FlashChoice flash_choice();

/// full: every query sees every key. causal: as many queries as keys, and query i sees keys 0 to i.
enum class StandardMask { full, causal, other };

/// Whether the mask is one of the standard ones for so many queries. (It may miss one where a
/// window excludes keys that are sinks.)
inline StandardMask standard_mask(const AttentionMask& mask, int64_t queries) {
  // Intervals grow with the query: the first sees the fewest new keys, the last has forgotten most.
  if (queries < 1 || mask.seen(queries - 1).begin > 0) return StandardMask::other;
  if (mask.seen(0).end == mask.keys) return StandardMask::full;
  const bool is_causal = mask.frame_tokens == 1 && mask.first_query == 0 && queries == mask.keys;
  return is_causal ? StandardMask::causal : StandardMask::other;
}

}  // namespace nextframe
