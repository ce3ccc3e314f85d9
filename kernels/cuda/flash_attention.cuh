// Flash attention for sequences of any length and heads of 32, 64 or 128 values, forward and
// backward, on the tensor cores of any GPU since sm_80.
//
//   forward   S = Q K^T;  P = softmax(scale S);  O = P V, one tile of keys after another (Dao 2023,
//             FlashAttention-2, algorithm 1); keeps of each row the logarithm of its sum
//   backward  of a tile of keys: S^T and P^T once more;  dP^T = V dO^T;  dS = P (dP - rowsum(dO
//   O));
//             dV = P^T dO;  dK = scale dS^T Q;  of a tile of queries the same again, and dQ = scale
//             dS K
//
// A block of four warps answers one tile of one unit, one head of one sequence; a warp has 16 or 32
// rows of it. Everything between Q, K, V and the results stays in registers: a warp's scores are in
// the place where the next product wants its left factor. Two kernels in backward, seven products
// where five would do: so every sum has one writer and one order, with no atomics and no memory in
// between, and bits depend on the unit alone.
//
// Tiles that no row sees are skipped; tiles that every row sees whole take no mask (flash_tiles.h).
// The blocks with the most tiles start first.
//
// Bound: tensor cores, and shared memory close behind: a fragment that 32 rows share is read once
// for two of their products. 4 D operations a query and key that it sees in forward, 10 D in
// backward. Share of the peak reached: not measured.
#pragma once

#include "kernels/cuda/attention_rows.cuh"
#include "kernels/cuda/flash_attention_call.h"
#include "kernels/cuda/flash_tiles.h"

namespace nextframe {
namespace {

constexpr float kUnseen = -1e30f;  // a score where a query must not look
constexpr float kLog2OfE = 1.44269504f;
constexpr int kFlashWarps = 4, kFlashThreads = kWarp * kFlashWarps;

/// A block's own rows, kParts times 16 a warp, against tiles of kOther rows of the other side.
template <class HalfType, int kDim, int kNumParts, int kOtherRows>
struct FlashShape {
  using Half = HalfType;
  static constexpr int kHeadDim = kDim, kParts = kNumParts, kOther = kOtherRows;
  static constexpr int kWarpRows = kTile * kParts, kRows = kWarpRows * kFlashWarps;
  using Rows = SharedMatrix<kHeadDim>;
  using Sums = float[kParts][kHeadDim / 8][4];  // of a warp's rows
  using Scores = float[kParts][kOther / 8][4];  // of a warp's rows with a tile

  static constexpr int kRowsBytes = kRows * Rows::kRowBytes, kOtherBytes = kOther * Rows::kRowBytes;
  static constexpr int kIntervalBytes = 16;                       // of a row
  static constexpr int kMaskBytes = kRows * kIntervalBytes + 32;  // and the block's tiles
  static constexpr int kForwardBytes = kRowsBytes + 2 * kOtherBytes + kMaskBytes;
  static constexpr int kQueriesBytes = 2 * kRowsBytes + 4 * kOtherBytes + kMaskBytes;
  static constexpr int kTermsBytes = kOther * 8;
  static constexpr int kKeysBytes = kQueriesBytes + 2 * kTermsBytes;

  NF_DEVICE static Rows own(int number) {
    return {ptx::dynamic_shared() + static_cast<ptx::Shared>(number * kRowsBytes)};
  }
  /// Intervals and tiles, behind `owns` matrices of own rows and `others` of the others'.
  NF_DEVICE static ptx::Shared intervals(int owns, int others) { return other(owns, others).base; }
  NF_DEVICE static ptx::Shared tiles(int owns, int others) {
    return intervals(owns, others) + kRows * kIntervalBytes;
  }
  /// Behind `owns` matrices of own rows.
  NF_DEVICE static Rows other(int owns, int number) {
    return {own(owns).base + static_cast<ptx::Shared>(number * kOtherBytes)};
  }
};

/// The block starts to copy rows [first, first + kRows) of `from`; zeros for those from `count` on.
template <int kRows, int kHeadDim>
NF_DEVICE void copy_tile(SharedMatrix<kHeadDim> to, const uint16_t* from, int64_t stride, int first,
                         int count) {
  constexpr int kChunks = kHeadDim / 8, kRowsAtOnce = kFlashThreads / kChunks;
  const int thread = static_cast<int>(ptx::tid()), chunk = thread % kChunks;
  const int row = thread / kChunks;
  const uint16_t* source = from + (first + row) * stride + chunk * 8;
  const ptx::Shared target = to.chunk(row, chunk);
  NF_UNROLL for (int i = 0; i < kRows / kRowsAtOnce; ++i) {
    // A turn repeats within so many rows, so the place in the row is that of the first.
    const int below = i * kRowsAtOnce;
    if (kRowsAtOnce % 8 == 0) {
      ptx::cp_async_16(target + static_cast<ptx::Shared>(below * kHeadDim * 2), source,
                       first + row + below < count);
    }
    source += kRowsAtOnce * stride;
  }
  static_assert(kRowsAtOnce % 8 == 0 && kRows % kRowsAtOnce == 0);
}

/// sums += left right^T: a warp's rows of `left` with kBlocks times 8 rows of `right`.
template <class Half, int kParts, int kBlocks, int kColumns>
NF_DEVICE void multiply_rows(float (&sums)[kParts][kBlocks][4], SharedMatrix<kColumns> left,
                             SharedMatrix<kColumns> right) {
  constexpr int kTileBytes = kTile * kColumns * 2;
  const ptx::Shared left_first = left.chunk(left_row(), left_chunk());
  const ptx::Shared right_first = right.chunk(right_row(), right_chunk());
  NF_UNROLL for (int step = 0; step < kColumns / kTile; ++step) {
    uint32_t a[kParts][4];
    const auto column = static_cast<ptx::Shared>(2 * step * kChunkBytes);
    const ptx::Shared left_at = left_first ^ column, right_at = right_first ^ column;
    NF_UNROLL for (int part = 0; part < kParts; ++part) {
      ptx::ldmatrix_x4(a[part], left_at + static_cast<ptx::Shared>(part * kTileBytes));
    }
    NF_UNROLL for (int tile = 0; tile < kBlocks / 2; ++tile) {
      uint32_t b[4];
      ptx::ldmatrix_x4(b, right_at + static_cast<ptx::Shared>(tile * kTileBytes));
      NF_UNROLL for (int part = 0; part < kParts; ++part) {
        ptx::mma_m16n8k16(Half(), sums[part][2 * tile], a[part], b[0], b[1]);
        ptx::mma_m16n8k16(Half(), sums[part][2 * tile + 1], a[part], b[2], b[3]);
      }
    }
  }
}

/// sums += round(left) right, `left` as scores are: a warp's rows by the rows of `right`.
template <class Half, int kParts, int kBlocks, int kColumns>
NF_DEVICE void multiply_shares(float (&sums)[kParts][kColumns / 8][4],
                               const float (&left)[kParts][kBlocks][4],
                               SharedMatrix<kColumns> right) {
  const ptx::Shared right_first = right.chunk(left_row(), left_chunk());
  NF_UNROLL for (int tile = 0; tile < kBlocks / 2; ++tile) {
    uint32_t a[kParts][4];
    NF_UNROLL for (int part = 0; part < kParts; ++part) {
      NF_UNROLL for (int i = 0; i < 4; ++i) {
        const float(&pair)[4] = left[part][2 * tile + i / 2];
        a[part][i] = ptx::cvt_pack(Half(), pair[i % 2 * 2], pair[i % 2 * 2 + 1]);
      }
    }
    NF_UNROLL for (int n = 0; n < kColumns / 8; n += 2) {
      uint32_t b[4];
      ptx::ldmatrix_x4_trans(b, (right_first ^ static_cast<ptx::Shared>(n * kChunkBytes)) +
                                    static_cast<ptx::Shared>(tile * kTile * kColumns * 2));
      NF_UNROLL for (int part = 0; part < kParts; ++part) {
        ptx::mma_m16n8k16(Half(), sums[part][n], a[part], b[0], b[1]);
        ptx::mma_m16n8k16(Half(), sums[part][n + 1], a[part], b[2], b[3]);
      }
    }
  }
}

/// What each of the block's rows sees of the other side, in shared memory: two intervals as begin
/// and length.
template <int kRows>
struct RowIntervals {
  ptx::Shared base;

  /// `seen` and `sink` of a row, which are asked for rows below `count` alone.
  template <class Seen>
  NF_DEVICE void fill(int count, const Seen& seen) const {
    const int row = static_cast<int>(ptx::tid());
    if (row >= kRows) return;
    ptx::Word4 words{};
    if (row < count) {
      for (int which = 0; which < 2; ++which) {
        const KeyInterval interval = seen(row, which);
        const int64_t length = interval.end - interval.begin;
        words.word[2 * which] = static_cast<uint32_t>(interval.begin);
        words.word[2 * which + 1] = static_cast<uint32_t>(length > 0 ? length : 0);
      }
    }
    ptx::st_shared_v4(base + static_cast<ptx::Shared>(row * 16), words);
  }

  /// Puts `hidden` where a row of this warp does not see the other's row; `begin` is the first of
  /// the tile.
  template <int kParts, int kBlocks>
  NF_DEVICE void hide(float (&scores)[kParts][kBlocks][4], int begin, float hidden) const {
    NF_UNROLL for (int part = 0; part < kParts; ++part) {
      NF_UNROLL for (int half = 0; half < 2; ++half) {
        const int row = (warp() * kParts + part) * kTile + fragment_row() + 8 * half;
        const ptx::Word4 w = ptx::ld_shared_v4(base + static_cast<ptx::Shared>(row * 16));
        NF_UNROLL for (int i = 0; i < 2 * kBlocks; ++i) {
          const auto other = static_cast<uint32_t>(begin + i / 2 * 8 + fragment_column() + i % 2);
          const bool sees = other - w.word[0] < w.word[1] || other - w.word[2] < w.word[3];
          float& score = scores[part][i / 2][2 * half + i % 2];
          score = sees ? score : hidden;
        }
      }
    }
  }
};

/// Which rows of which unit a block has. Asked for before the loop and behind it, so that none of
/// it fills registers meanwhile.
struct FlashPlace {
  uint32_t unit_number;
  Unit unit;
  int first,
      count;  // of the block's rows; rows from there to the end, perhaps more than the tile's

  /// Blocks of the last tiles come first, or those of the first, whichever have the most to do.
  NF_DEVICE static FlashPlace of(const FlashAttentionCall& call, int rows, int tile_rows,
                                 bool last_first) {
    const uint32_t block = ptx::ctaid(), number = block % call.units;
    const int turn = static_cast<int>(block / call.units);
    const int tiles = (rows + tile_rows - 1) / tile_rows;
    const int first = (last_first ? tiles - 1 - turn : turn) * tile_rows;
    return {number, Unit::of(call, number), first, rows - first};
  }
  NF_DEVICE int last(int tile_rows) const {
    return first + (count < tile_rows ? count : tile_rows) - 1;
  }
};

/// A block's tiles in shared memory, not in registers.
struct KeptTiles {
  static constexpr int kBytes = 32;

  ptx::Shared base;

  NF_DEVICE void keep(const FlashTiles& tiles) const {
    if (ptx::tid() != 0) return;
    const auto word = [](int32_t number) { return static_cast<uint32_t>(number); };
    ptx::st_shared_v4(base, {{word(tiles.count), word(tiles.first_count), word(tiles.first),
                              word(tiles.second)}});
    ptx::st_shared_v4(base + 16, {{word(tiles.full[0].begin), word(tiles.full[0].end),
                                   word(tiles.full[1].begin), word(tiles.full[1].end)}});
  }
  NF_DEVICE FlashTiles read(int size) const {
    const ptx::Word4 a = ptx::ld_shared_v4(base), b = ptx::ld_shared_v4(base + 16);
    const auto number = [](uint32_t word) { return static_cast<int32_t>(word); };
    return {size,
            number(a.word[0]),
            number(a.word[1]),
            number(a.word[2]),
            number(a.word[3]),
            {{number(b.word[0]), number(b.word[1])}, {number(b.word[2]), number(b.word[3])}}};
  }
};

template <int kParts, int kBlocks>
NF_DEVICE void scale_all(float (&sums)[kParts][kBlocks][4], float scale) {
  NF_UNROLL for (int part = 0; part < kParts; ++part) {
    NF_UNROLL for (int i = 0; i < 4 * kBlocks; ++i) sums[part][i / 4][i % 4] *= scale;
  }
}

/// A warp writes its rows, of the block's from `first` on, by way of its part of `stage`.
template <class Shape>
NF_DEVICE void write_own(const AttentionOperand& to, const Unit& unit, int first, int count,
                         const typename Shape::Sums& sums, typename Shape::Rows stage) {
  ptx::bar_warp_sync();  // all lanes are done with what stood there
  NF_UNROLL for (int part = 0; part < Shape::kParts; ++part) {
    const int row = (warp() * Shape::kParts + part) * kTile;
    write_rows<typename Shape::Half>(to, unit, first + row, count, sums[part], stage.from_row(row));
  }
}

}  // namespace
}  // namespace nextframe
