// sm_90a's flash attention kernels on the emulated GPU, correct and deliberately wrong ones.
#pragma once

#include "tests/kernels/emulator/flash_attention_emulated.h"

namespace nextframe::emulator {

Report run_hopper_attention(FlashKernel kernel, const FlashAttentionCall& call, bool is_bf16,
                            int64_t head_dim, const std::vector<Memory>& memory);

/// What may be wrong with the order of copies and products.
enum class WrongHopper { parity, terms_in_one_place, values_in_one_place, barriers_in_one_place };
inline WrongHopper wrong_hopper;

/// The same with that mistake, of bfloat16 in heads of 64.
Report run_wrong_hopper_attention(FlashKernel kernel, const FlashAttentionCall& call, bool is_bf16,
                                  int64_t head_dim, const std::vector<Memory>& memory);

}  // namespace nextframe::emulator
