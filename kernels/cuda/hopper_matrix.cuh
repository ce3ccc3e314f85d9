// 16-bit matrices in shared memory, as warp groups multiply them (wgmma).
//
// Columns are cut into panels of 64. A row of a panel is 128 bytes, chunk c of 16 bytes of row r at
// place c ^ (r % 8): the swizzle of 128 bytes, by which bulk copies write and products read without
// bank conflicts. A panel begins at a multiple of 1,024 bytes, eight rows.
//
// A product finds its operand by a descriptor of 64 bits (PTX ISA, "Asynchronous Warpgroup Level
// Matrix Shared Memory Layout", "Matrix Descriptor Format"): bits 0-13 the address, 16-29 the
// leading and 32-45 the stride dimension's byte offset, each divided by 16; 62-63 the swizzle, 1
// for 128 bytes. In the terms of that section
//   rows as they lie (K-major): the stride dimension goes from eight rows to the next eight, 1,024
//     bytes; the leading one is not used. 16 columns further is 32 bytes further in the same row.
//   rows along the columns (MN-major, transposed): the leading dimension goes from 64 columns to
//     the next 64, a panel; the stride dimension from eight rows to the next eight.
#pragma once

#include "kernels/cuda/ptx_hopper.h"
#include "kernels/cuda/shared_matrix.cuh"

namespace nextframe {
namespace {

constexpr int kPanelRowBytes = 2 * kPanelColumns;
constexpr int kSwizzleBytes = 8 * kPanelRowBytes;  // after which the swizzle repeats

NF_DEVICE uint64_t operand_descriptor(ptx::Shared at, int leading_bytes, int stride_bytes) {
  constexpr uint64_t kSwizzleOf128 = uint64_t{1} << 62;
  return kSwizzleOf128 | static_cast<uint64_t>(stride_bytes >> 4) << 32 |
         static_cast<uint64_t>(leading_bytes >> 4) << 16 | (at & 0x3ffff) >> 4;
}

template <int kNumRows, int kNumColumns>
struct PanelMatrix {
  static constexpr int kRows = kNumRows, kColumns = kNumColumns;
  static constexpr int kPanels = kColumns / kPanelColumns, kPanelBytes = kRows * kPanelRowBytes;
  static constexpr int kBytes = kPanels * kPanelBytes;

  ptx::Shared base;

  NF_DEVICE ptx::Shared panel(int number) const {
    return base + static_cast<ptx::Shared>(number * kPanelBytes);
  }
  /// Columns [16 step, 16 step + 16) of all rows.
  NF_DEVICE uint64_t columns_of_rows(int step) const {
    constexpr int kStepsAPanel = kPanelColumns / kTile;
    const int in_panel = step % kStepsAPanel * 2 * kTile;
    return operand_descriptor(panel(step / kStepsAPanel) + static_cast<ptx::Shared>(in_panel), 16,
                              kSwizzleBytes);
  }
  /// Rows [16 step, 16 step + 16) of all columns, along them.
  NF_DEVICE uint64_t rows_of_columns(int step) const {
    return operand_descriptor(base + static_cast<ptx::Shared>(step * kTile * kPanelRowBytes),
                              kPanelBytes, kSwizzleBytes);
  }
};

/// Starts sums = left right^T.
template <class Half, int kBlocks, class Left, class Right>
NF_DEVICE void start_rows(float (&sums)[kBlocks][4], Left left, Right right) {
  static_assert(Right::kRows == 8 * kBlocks && Left::kColumns == Right::kColumns);
  NF_UNROLL for (int step = 0; step < Left::kColumns / kTile; ++step) {
    ptx::wgmma_rows(Half(), sums, left.columns_of_rows(step), right.columns_of_rows(step),
                    step > 0);
  }
}

/// Starts sums += left right, 16 columns of `left` a step.
template <class Half, int kSteps, int kBlocks, class Right>
NF_DEVICE void start_shares(float (&sums)[kBlocks][4], const uint32_t (&left)[kSteps][4],
                            Right right) {
  static_assert(Right::kRows == kTile * kSteps && Right::kColumns == 8 * kBlocks);
  NF_UNROLL for (int step = 0; step < kSteps; ++step) {
    ptx::wgmma_columns(Half(), sums, left[step], right.rows_of_columns(step), true);
  }
}

/// Sums, rounded, as the left factor of the next product.
template <class Half, int kSteps, int kBlocks>
NF_DEVICE void round_all(uint32_t (&left)[kSteps][4], const float (&sums)[kBlocks][4]) {
  NF_UNROLL for (int i = 0; i < 4 * kSteps; ++i) {
    const int part = i % 4;
    const float(&pair)[4] = sums[i / 4 * 2 + part / 2];
    left[i / 4][part] = ptx::cvt_pack(Half(), pair[part % 2 * 2], pair[part % 2 * 2 + 1]);
  }
}

}  // namespace
}  // namespace nextframe
