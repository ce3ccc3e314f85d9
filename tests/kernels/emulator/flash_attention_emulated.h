// Flash attention's kernels on the emulated GPU.
#pragma once

#include "kernels/cuda/flash_attention_call.h"
#include "tests/kernels/emulator/emulator.h"

namespace nextframe::emulator {

enum class FlashKernel { forward, keys_backward, queries_backward };

/// Cut as on a GPU, one block a tile and unit.
Report run_flash_attention(FlashKernel kernel, const FlashAttentionCall& call, bool is_bf16,
                           int64_t head_dim, const std::vector<Memory>& memory);

Report run_attention_pass(AttentionPass pass, const AttentionRowsCall& call, bool is_bf16,
                          int64_t head_dim, const std::vector<Memory>& memory);

}  // namespace nextframe::emulator
