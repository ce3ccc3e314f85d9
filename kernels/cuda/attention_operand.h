// The address and strides of queries, keys, values or results, as attention's kernels take them.
#pragma once

#include <cstdint>

namespace nextframe {

enum class HalfFormat { bf16, fp16 };

/// A [outer, positions, inner, heads, head_dim] tensor of 16-bit values, neighbours in the last
/// dimension. Address and strides are multiples of 16 bytes.
struct AttentionOperand {
  void* data;
  int64_t outer, position, inner, head;  // strides in values
};

}  // namespace nextframe
