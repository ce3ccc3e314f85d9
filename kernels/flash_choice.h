// Chooses the kernels for long attention on a GPU, where several families could answer a call.
#pragma once

#include <string>

#include "kernels/attention_mask.h"

namespace nextframe {

/// mma: those for every GPU since sm_80. hopper: on compute capability 9.0 those of sm_90a. cudnn:
/// NVIDIA's library, for plain causal and full attention. For calls that the last two cannot
/// answer, which is said once, those of mma.
enum class FlashChoice { mma, hopper, cudnn };

/// By such a name, for all calls of this process from now on. Without it mma: sm_90a's have run in
/// the emulator alone, cuDNN on no GPU of ours yet.
void choose_flash_kernels(const std::string& name);

FlashChoice flash_choice();

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
