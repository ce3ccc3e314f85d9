// The boxes that a bulk tensor copy (TMA) cuts out of a tensor, from which tensor maps are made.
#pragma once

#include <cstdint>

#include "kernels/cuda/attention_operand.h"

namespace nextframe {

/// A tensor map as the driver encodes it (CUtensorMap); opaque.
struct alignas(128) TensorMap {
  uint64_t words[16];
};

/// Rows of up to five dimensions, the first contiguous. A box is `rows` of the second dimension by
/// `columns` of the first; what lies outside of the tensor comes as zeros.
struct TensorBox {
  void* data;
  int64_t sizes[5];         // in elements
  int64_t stride_bytes[4];  // of dimensions 1 to 4
  uint32_t columns, rows;
  bool is_float;     // 4 bytes an element, else 2
  bool is_swizzled;  // rows of 128 bytes, their chunks of 16 turned by the row
};

/// Columns of a swizzled row of 16-bit values.
inline constexpr int kPanelColumns = 64;

/// Of an operand [outer, positions, inner, heads, head_dim]: dimensions head_dim, positions, heads,
/// inner, outer.
struct OperandSizes {
  int64_t outer, positions, inner, heads, head_dim;
};

inline TensorBox box_of(const AttentionOperand& operand, const OperandSizes& sizes, uint32_t rows) {
  TensorBox box{operand.data,
                {sizes.head_dim, sizes.positions, sizes.heads, sizes.inner, sizes.outer},
                {2 * operand.position, 2 * operand.head, 2 * operand.inner, 2 * operand.outer},
                kPanelColumns,
                rows,
                false,
                true};
  // Never used where there is one alone, and may then be anything; it has to be a legal one.
  for (int d = 1; d < 5; ++d) {
    if (box.sizes[d] == 1) box.stride_bytes[d - 1] = 2 * sizes.head_dim;
  }
  return box;
}

/// Of row terms [units, positions, 2].
inline TensorBox box_of_terms(const float* terms, int64_t units, int64_t positions, uint32_t rows) {
  return {const_cast<float*>(terms),
          {2 * positions, units, 1, 1, 1},
          {8 * positions, 8 * positions, 8 * positions, 8 * positions},
          2 * rows,
          1,
          true,
          false};
}

/// Why there can be no tensor map of this, or null (CUDA driver API, cuTensorMapEncodeTiled).
inline const char* refusal_of(const TensorBox& box) {
  if (reinterpret_cast<uintptr_t>(box.data) % 16 != 0) return "its address is no multiple of 16";
  for (int d = 1; d < 5; ++d) {
    const int64_t stride = box.stride_bytes[d - 1];
    if (box.sizes[d] >= int64_t{1} << 32) return "a dimension is longer than 2^32";
    if (stride % 16 != 0) return "a stride is no multiple of 16 bytes";
    if (stride <= 0) return "rows are repeated, a stride is 0";
    if (stride >= int64_t{1} << 40) return "a stride is longer than 2^40 bytes";
  }
  return nullptr;
}

}  // namespace nextframe
