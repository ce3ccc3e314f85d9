// Matrix products of bfloat16 with float32 sums, for the loops of a linear layer. The right factor
// is packed in panels of four registers of columns, so that a panel stays in the L1 cache while all
// rows of the left factor pass by; 24 sums stay in registers. Bound by arithmetic: 2 operations an
// element and a column. Private to each source file, see registers.h.
#pragma once

#include "kernels/cpu/words.h"

namespace nextframe::cpu {
namespace {

constexpr int kPanelVectors = 4;
constexpr int kTileRows = 6;
constexpr int64_t kPanelColumns = kPanelVectors * kLanes;

/// Word p of row m stands at words[m * row + p * step].
struct LeftFactor {
  const uint32_t* words;
  int64_t row, step;
};

/// A panel begins behind those before it, which are all kPanelColumns wide.
NF_INLINE int64_t panel_start(int64_t column, int64_t words) { return column * words; }
NF_INLINE int64_t panel_width(int64_t column, int64_t columns) {
  return columns - column < kPanelColumns ? columns - column : kPanelColumns;
}

template <int kRows, int kVectors, class Store>
NF_INLINE void product_tile(const LeftFactor& left, int64_t first_row, const uint32_t* panel,
                            int64_t words, int64_t column, const Store& store_sums) {
  Floats sums[kRows][kVectors] = {};
  product<HalfWords>(sums, left.words + first_row * left.row, left.row, left.step, panel,
                     kVectors * kLanes, words);
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) store_sums(first_row + r, column + v * kLanes, sums[r][v]);
  }
}

template <int kVectors, class Store>
NF_INLINE void product_panel(const LeftFactor& left, int64_t first, int64_t last,
                             const uint32_t* panel, int64_t words, int64_t column,
                             const Store& store_sums) {
  int64_t row = first;
  for (; row + kTileRows <= last; row += kTileRows)
    product_tile<kTileRows, kVectors>(left, row, panel, words, column, store_sums);
  for (; row < last; ++row) product_tile<1, kVectors>(left, row, panel, words, column, store_sums);
}

/// Rows [first, last) of left times all columns of the panels, handed to
/// store_sums(row, column, register).
template <class Store>
void multiply(const LeftFactor& left, int64_t first, int64_t last, const uint32_t* panels,
              int64_t words, int64_t columns, const Store& store_sums) {
  for (int64_t column = 0; column < columns; column += kPanelColumns) {
    const uint32_t* const panel = panels + panel_start(column, words);
    switch (panel_width(column, columns) / kLanes) {
      case 4:
        product_panel<4>(left, first, last, panel, words, column, store_sums);
        break;
      case 3:
        product_panel<3>(left, first, last, panel, words, column, store_sums);
        break;
      case 2:
        product_panel<2>(left, first, last, panel, words, column, store_sums);
        break;
      default:
        product_panel<1>(left, first, last, panel, words, column, store_sums);
    }
  }
}

// ---- Packing

/// Two registers of words whose halves are the same column of two rows.
NF_INLINE void pair(const float* upper, const float* lower, Words (&both)[2]) {
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    both[i] = to_bf16(load<Floats>(upper + i * kLanes)) | to_bf16(load<Floats>(lower + i * kLanes))
                                                              << 16;
  }
}
NF_INLINE void pair(const Bf16* upper, const Bf16* lower, Words (&both)[2]) {
  using Columns = uint16_t __attribute__((vector_size(4 * kLanes)));
  Columns first, second;
#pragma GCC unroll 32
  for (int i = 0; i < 2 * kLanes; ++i) {
    first[i] = static_cast<uint16_t>(i % 2 * 2 * kLanes + i / 2);
    second[i] = static_cast<uint16_t>(first[i] + kLanes);
  }
  const auto above = load<Columns>(upper), below = load<Columns>(lower);
  both[0] = (Words)__builtin_shuffle(above, below, first);
  both[1] = (Words)__builtin_shuffle(above, below, second);
}

/// Where pack_pairs() puts column c of pair p.
struct PairsInRows {
  uint32_t* to;
  int64_t columns;
  NF_INLINE uint32_t* place(int64_t p, int64_t c) const { return to + p * columns + c; }
};
struct PairsInPanels {
  uint32_t* to;
  int64_t columns, words;  // words: pairs in all
  NF_INLINE uint32_t* place(int64_t p, int64_t c) const {
    const int64_t start = c / kPanelColumns * kPanelColumns;
    return to + panel_start(start, words) + p * panel_width(start, columns) + c - start;
  }
};

/// Rows [first, last), `first` even, two in a word; x is where row `first` stands. A row without a
/// partner is paired with zeros. The number of columns is a multiple of 2 kLanes.
template <class T, class Places>
void pack_pairs(const T* x, int64_t first, int64_t last, const Places& places) {
  static const T zeros[2 * kLanes] = {};
  for (int64_t row = first; row < last; row += 2) {
    const T* const upper = x + (row - first) * places.columns;
    const bool has_partner = row + 1 < last;
    for (int64_t c = 0; c < places.columns; c += 2 * kLanes) {
      Words both[2];
      pair(upper + c, has_partner ? upper + places.columns + c : zeros, both);
      uint32_t* const to = places.place(row / 2, c);
      store(to, both[0]);
      store(to + kLanes, both[1]);
    }
  }
}

/// The panel of rows [first, first + width) of a float32 matrix [rows, values], taken as columns:
/// word p of row r to[p * width + r - first] has values 2 p and 2 p + 1. `values` is a multiple of
/// 2 kLanes.
void pack_columns(const float* x, int64_t values, int64_t first, int64_t width, uint32_t* to) {
  for (int64_t row = 0; row < width; row += kLanes) {
    for (int64_t p = 0; p < values / 2; p += kLanes) {
      Words lanes[kLanes];
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) {
        const float* const from = x + (first + row + r) * values + 2 * p;
        lanes[r] = (Words)_mm512_cvtne2ps_pbh((__m512)load<Floats>(from + kLanes),
                                              (__m512)load<Floats>(from));
      }
      transpose_words(lanes);
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) store(to + (p + r) * width + row, lanes[r]);
    }
  }
}

}  // namespace
}  // namespace nextframe::cpu
