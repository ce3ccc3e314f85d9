// Short attention's kernels on the emulated GPU.
#pragma once

#include "kernels/cuda/short_attention_call.h"
#include "tests/kernels/emulator/emulator.h"

namespace nextframe::emulator {

struct ShortAttentionRun {
  bool is_bf16, is_backward;
  int64_t head_dim;
  uint32_t blocks;
};

/// With as many warps a block as a GPU would be given.
Report run_short_attention(const ShortAttentionRun& how, const ShortAttentionCall& call,
                           const std::vector<Memory>& memory);

}  // namespace nextframe::emulator
