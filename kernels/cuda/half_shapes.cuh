// The 16-bit formats and row widths that kernels are compiled for, and the dispatch to them.
#pragma once

#include "kernels/cuda/attention_operand.h"
#include "kernels/cuda/ptx.h"

namespace nextframe {

template <class HalfType, int kWidth>
struct HalfShape {
  using Half = HalfType;
  static constexpr int kHeadDim = kWidth;
};

/// Calls `start` with the HalfShape of a format and of 32, 64 or 128 values.
template <class Start>
void with_half_shape(HalfFormat format, int64_t head_dim, const Start& start) {
  const auto of = [&](auto half) {
    using Half = decltype(half);
    if (head_dim == 32) return start(HalfShape<Half, 32>{});
    if (head_dim == 64) return start(HalfShape<Half, 64>{});
    start(HalfShape<Half, 128>{});
  };
  format == HalfFormat::bf16 ? of(Bf16{}) : of(Fp16{});
}

}  // namespace nextframe
