// Products of small matrices, read in words: a word is one float, or two bfloat16 where one
// instruction multiplies and adds both. Sums are float32. Private to each source file, see
// registers.h.
#pragma once

#include "kernels/cpu/registers.h"

namespace nextframe::cpu {
namespace {

/// One float a word.
struct FloatWords {
  static constexpr int kValues = 1;
  static NF_INLINE Floats multiply_add_words(Words a, Words b, Floats sum) {
    return multiply_add((Floats)a, (Floats)b, sum);
  }
};

#if defined(__AVX512BF16__)
/// Two bfloat16 a word, the first in the low half.
struct HalfWords {
  static constexpr int kValues = 2;
  static NF_INLINE Floats multiply_add_words(Words a, Words b, Floats sum) {
    return (Floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
  }
};
using WordsOfBf16 = HalfWords;
#else
using WordsOfBf16 = FloatWords;
#endif

template <class T>
struct WordsOf;
template <>
struct WordsOf<float> {
  using Type = FloatWords;
};
template <>
struct WordsOf<Bf16> {
  using Type = WordsOfBf16;
};

/// sums[r][v] += sum over words p of a[r * row + p * step] * b[p * b_row + v * kLanes ...].
template <class W, int kRows, int kVectors>
NF_INLINE void product(Floats (&sums)[kRows][kVectors], const uint32_t* a, int64_t row,
                       int64_t step, const uint32_t* b, int64_t b_row, int64_t words) {
  for (int64_t p = 0; p < words; ++p) {
    Words lanes[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) lanes[v] = load<Words>(b + p * b_row + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Words word = Words{} + a[r * row + p * step];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v)
        sums[r][v] = W::multiply_add_words(word, lanes[v], sums[r][v]);
    }
  }
}

/// Exchanges bit kStride of the row's number with that of the lane's number (Eklundh 1972).
template <int kStride>
NF_INLINE void exchange(Words (&rows)[kLanes]) {
  Words low, high;
#pragma GCC unroll 16
  for (uint32_t i = 0; i < kLanes; ++i) {
    low[i] = (i & kStride) != 0 ? kLanes + i - kStride : i;
    high[i] = (i & kStride) != 0 ? kLanes + i : i + kStride;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kLanes; ++r) {
    if ((r & kStride) != 0) continue;
    const Words a = rows[r], b = rows[r + kStride];
    rows[r] = __builtin_shuffle(a, b, low);
    rows[r + kStride] = __builtin_shuffle(a, b, high);
  }
}

NF_INLINE void transpose_words(Words (&rows)[kLanes]) {
  exchange<1>(rows);
  exchange<2>(rows);
  if constexpr (kLanes > 4) exchange<4>(rows);
  if constexpr (kLanes > 8) exchange<8>(rows);
}

/// [kLanes * vectors rows][words] to [words][row_words].
NF_INLINE void transpose(const uint32_t* from, int64_t words, int vectors, uint32_t* to,
                         int64_t row_words) {
  for (int v = 0; v < vectors; ++v) {
    for (int64_t p = 0; p < words; p += kLanes) {
      Words rows[kLanes];
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) rows[r] = load<Words>(from + (v * kLanes + r) * words + p);
      transpose_words(rows);
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) store(to + (p + r) * row_words + v * kLanes, rows[r]);
    }
  }
}
}  // namespace
}  // namespace nextframe::cpu
