// How scripts/bench/gpu_suite passes tensors and masks to kernels: as arrays of numbers.
#pragma once

#include "kernels/attention_mask.h"
#include "kernels/cuda/attention_operand.h"

namespace nextframe::suite {

/// Five numbers: the address, then the strides of outer, position, inner and head in values.
inline AttentionOperand operand(const int64_t* numbers) {
  return {reinterpret_cast<void*>(numbers[0]), numbers[1], numbers[2], numbers[3], numbers[4]};
}

/// Query, key, value, result and the gradients of the first three, into a call's members.
template <class Call>
void take_operands(Call& call, const int64_t* numbers) {
  call.query = operand(numbers), call.key = operand(numbers + 5);
  call.value = operand(numbers + 10), call.result = operand(numbers + 15);
  call.grad_query = operand(numbers + 20), call.grad_key = operand(numbers + 25);
  call.grad_value = operand(numbers + 30);
}

/// Five numbers: frame_tokens, window_frames, sink_frames, clip_frames, first_query.
inline AttentionMask mask(int64_t keys, const int64_t* numbers) {
  return {keys, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
}

inline HalfFormat format(int is_fp16) { return is_fp16 ? HalfFormat::fp16 : HalfFormat::bf16; }

}  // namespace nextframe::suite
