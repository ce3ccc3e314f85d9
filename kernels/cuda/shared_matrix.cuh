// 16-bit matrices in shared memory, and their products on tensor cores.
//
// A row is cut into chunks of 16 bytes. Chunk c of row r stands at place c ^ turn(r) of that row,
// so that eight rows of one column of chunks lie in all 32 banks: ldmatrix, stores of fragments and
// copies of whole rows all run without bank conflicts. Everything here is done by one warp.
#pragma once

#include <cmath>

#include "kernels/cuda/ptx.h"

namespace nextframe {
namespace {

constexpr int kWarp = 32;  // threads
constexpr int kTile = 16;  // rows of a fragment, and the depth of one step of a product
constexpr int kChunkBytes = 16;

NF_DEVICE int lane() { return static_cast<int>(ptx::tid() % kWarp); }
NF_DEVICE int warp() { return static_cast<int>(ptx::tid() / kWarp); }

/// Which values of a [16, 8 n] matrix of sums a lane has: of block n those of columns 8 n +
/// column() and the next, of row() and of row() + 8.
NF_DEVICE int fragment_row() { return lane() / 4; }
NF_DEVICE int fragment_column() { return lane() % 4 * 2; }

/// Leaves chunks where they are: rows then meet in the same banks.
struct Unturned {
  template <int kChunks>
  static NF_DEVICE int turn(int /*row*/) {
    return 0;
  }
};

/// The turn changes with every 128 bytes, the width of all banks.
struct Turned {
  template <int kChunks>
  static NF_DEVICE int turn(int row) {
    return kChunks < 8 ? row / (8 / kChunks) % kChunks : row % 8;
  }
};

template <int kColumns, class Order = Turned>
struct SharedMatrix {
  static constexpr int kChunks = kColumns / 8;
  static constexpr int kRowBytes = kColumns * 2;

  ptx::Shared base;  // a multiple of kRowBytes: the exclusive or below then acts on the place alone

  NF_DEVICE ptx::Shared chunk(int row, int column) const {
    const int first = row * kRowBytes + Order::template turn<kChunks>(row) * kChunkBytes;
    return (base + static_cast<ptx::Shared>(first)) ^
           static_cast<ptx::Shared>(column * kChunkBytes);
  }
  /// Of this lane's two values in chunk `n` of row `row`.
  NF_DEVICE ptx::Shared pair(int row, int n) const {
    return chunk(row, n) ^ static_cast<ptx::Shared>(fragment_column() * 2);
  }
  NF_DEVICE SharedMatrix from_row(int row) const {
    return {base + static_cast<ptx::Shared>(row * kRowBytes)};  // a multiple of 8
  }
};

// A fragment is 16 rows of 16 columns: four 8x8 parts, whose rows lanes name part after part.

/// As the left factor: parts down, then right.
NF_DEVICE int left_row() { return lane() % 16; }
NF_DEVICE int left_chunk() { return lane() / 16; }
/// As the right factor, transposed: parts right, then down.
NF_DEVICE int right_row() { return lane() % 8 + lane() / 16 * 8; }
NF_DEVICE int right_chunk() { return lane() / 8 % 2; }

/// sums [16, 16 kTiles] += left [16, D] right^T, of `kTiles` times 16 rows of `right`.
template <class Half, int kTiles, int kColumns, class Order>
NF_DEVICE void multiply_rows(float (&sums)[2 * kTiles][4], SharedMatrix<kColumns, Order> left,
                             SharedMatrix<kColumns, Order> right) {
  NF_UNROLL for (int step = 0; step < kColumns / kTile; ++step) {
    uint32_t a[4];
    ptx::ldmatrix_x4(a, left.chunk(left_row(), 2 * step ^ left_chunk()));
    NF_UNROLL for (int tile = 0; tile < kTiles; ++tile) {
      uint32_t b[4];
      ptx::ldmatrix_x4(b, right.chunk(tile * kTile + right_row(), 2 * step ^ right_chunk()));
      ptx::mma_m16n8k16(Half(), sums[2 * tile], a, b[0], b[1]);
      ptx::mma_m16n8k16(Half(), sums[2 * tile + 1], a, b[2], b[3]);
    }
  }
}

/// sums [16, D] += left [16, 16] right [16, D].
template <class Half, int kColumns>
NF_DEVICE void multiply(float (&sums)[kColumns / 8][4], const uint32_t (&left)[4],
                        SharedMatrix<kColumns> right) {
  NF_UNROLL for (int n = 0; n < kColumns / 8; n += 2) {
    uint32_t b[4];
    ptx::ldmatrix_x4_trans(b, right.chunk(left_row(), n ^ left_chunk()));
    ptx::mma_m16n8k16(Half(), sums[n], left, b[0], b[1]);
    ptx::mma_m16n8k16(Half(), sums[n + 1], left, b[2], b[3]);
  }
}

/// Columns [16 tile, 16 tile + 16) of 16 rows, transposed, as the left factor.
template <int kColumns>
NF_DEVICE void load_transposed(uint32_t (&left)[4], SharedMatrix<kColumns> rows, int tile) {
  ptx::ldmatrix_x4_trans(left, rows.chunk(right_row(), 2 * tile ^ right_chunk()));
}

/// Sums of columns [16 tile, 16 tile + 16), rounded, as the left factor of the next product.
template <class Half, int kBlocks>
NF_DEVICE void round_left(uint32_t (&left)[4], const float (&sums)[kBlocks][4], int tile) {
  NF_UNROLL for (int part = 0; part < 4; ++part) {
    const float* pair = sums[2 * tile + part / 2] + part % 2 * 2;
    left[part] = ptx::cvt_pack(Half(), pair[0], pair[1]);
  }
}

/// Rounds 16 rows of sums into shared memory.
template <class Half, int kColumns>
NF_DEVICE void store_rows(SharedMatrix<kColumns> to, const float (&sums)[kColumns / 8][4]) {
  NF_UNROLL for (int n = 0; n < kColumns / 8; ++n) {
    NF_UNROLL for (int half = 0; half < 2; ++half) {
      ptx::st_shared(to.pair(fragment_row() + 8 * half, n),
                     ptx::cvt_pack(Half(), sums[n][2 * half], sums[n][2 * half + 1]));
    }
  }
}

/// The sum over the four lanes that share a row.
NF_DEVICE float sum_of_row(float value) {
  value += ptx::shfl_xor(value, 1);
  return value + ptx::shfl_xor(value, 2);
}
NF_DEVICE float maximum_of_row(float value) {
  value = fmaxf(value, ptx::shfl_xor(value, 1));
  return fmaxf(value, ptx::shfl_xor(value, 2));
}

}  // namespace
}  // namespace nextframe
