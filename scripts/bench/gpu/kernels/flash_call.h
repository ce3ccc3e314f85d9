// Builds a call of flash attention from the numbers that scripts/bench/gpu_suite sends.
#pragma once

#include "kernels/cuda/flash_attention_call.h"
#include "scripts/bench/gpu/kernels/operand.h"

namespace nextframe::suite {

/// sizes: outer, queries, keys, inner, heads, head_dim.
inline FlashAttentionCall flash_call(const int64_t* operands, const int64_t* sizes,
                                     const int64_t* mask_numbers, float* log_sums,
                                     const float* row_terms, float scale) {
  FlashAttentionCall call{};
  call.units = static_cast<uint32_t>(sizes[0] * sizes[3] * sizes[4]);
  call.queries = static_cast<int32_t>(sizes[1]);
  call.padded_queries = (call.queries + kFlashPadding - 1) / kFlashPadding * kFlashPadding;
  call.inner = static_cast<uint32_t>(sizes[3]), call.heads = static_cast<uint32_t>(sizes[4]);
  take_operands(call, operands);
  call.log_sums = log_sums, call.row_terms = row_terms, call.scale = scale;
  call.mask = mask(sizes[2], mask_numbers);
  return call;
}

}  // namespace nextframe::suite
