// The decoding kernels on the emulated GPU.
#pragma once

#include "kernels/cuda/decode_attention_call.h"
#include "kernels/cuda/flash_attention_call.h"
#include "tests/kernels/emulator/emulator.h"

namespace nextframe::emulator {

Report run_decode_step(const DecodeStepCall& call, bool is_bf16, int64_t head_dim, uint32_t blocks,
                       const std::vector<Memory>& memory);

/// Cut as on a GPU.
Report run_decode_frame(const DecodeFrameCall& call, bool is_bf16, int64_t head_dim,
                        const std::vector<Memory>& memory);
Report run_join_parts(const DecodeFrameCall& call, bool is_bf16, int64_t head_dim,
                      const std::vector<Memory>& memory);

}  // namespace nextframe::emulator
