// Rows of short attention: loads them into shared memory with QK-norm and RoPE, and carries
// gradients back through both.
#pragma once

#include "kernels/cuda/attention_rows.cuh"
#include "kernels/cuda/short_attention_call.h"

namespace nextframe {
namespace {

/// The whole block copies `count` rows into a matrix of 16 kTiles, and zeros behind them.
template <int kTiles, int kHeadDim>
NF_DEVICE void copy_rows(SharedMatrix<kHeadDim> to, const AttentionOperand& from, const Unit& unit,
                         int count) {
  constexpr int kChunks = kHeadDim / 8, kRowsAtOnce = kWarp * kTiles / kChunks;
  const int thread = static_cast<int>(ptx::tid()), chunk = thread % kChunks;
  const uint16_t* source = unit.rows(from) + thread / kChunks * from.position + chunk * 8;
  NF_UNROLL for (int i = 0; i < kTile * kTiles / kRowsAtOnce; ++i) {
    const int row = i * kRowsAtOnce + thread / kChunks;
    ptx::cp_async_16(to.chunk(row, chunk), source, row < count);
    source += kRowsAtOnce * from.position;  // not a product a row: those would be kept in registers
  }
}

/// The angles of one row's pairs (value i, value i + head_dim / 2).
template <int kHeadDim>
struct Angles {
  const float *cosine, *sine;

  NF_DEVICE Angles(const ShortAttentionCall& call, int position)
      : cosine(call.cosine + position * (kHeadDim / 2) + fragment_column()),
        sine(call.sine + position * (kHeadDim / 2) + fragment_column()) {}

  /// Turns this lane's two pairs in blocks n and n + head_dim / 16; back if `kSign` is -1.
  template <int kSign>
  NF_DEVICE void turn(int n, float* low, float* high) const {
    const ptx::Float2 c = ptx::ld_global_nc(cosine + 8 * n), s = ptx::ld_global_nc(sine + 8 * n);
    const float x0 = low[0], x1 = low[1];
    low[0] = x0 * c.x - kSign * s.x * high[0];
    low[1] = x1 * c.y - kSign * s.y * high[1];
    high[0] = high[0] * c.x + kSign * s.x * x0;
    high[1] = high[1] * c.y + kSign * s.y * x1;
  }
};

/// A warp's 16 rows of queries or keys, and what its backward needs of them. A lane has a quarter
/// of two rows, 8 apart, and takes one after the other.
template <class Half, int kHeadDim>
struct PlacedRows {
  static constexpr int kBlocks = kHeadDim / 8;

  SharedMatrix<kHeadDim> rows;
  int position, count;  // of the first row; rows that the tensor has from there on
  float inverse_rms[2] = {1, 1};

  NF_DEVICE PlacedRows(SharedMatrix<kHeadDim> all, int tile, int first_position, int all_count)
      : rows(all.from_row(tile * kTile)),
        position(first_position + tile * kTile),
        count(all_count - tile * kTile) {}

  /// In place: y = turned(x / rms(x)).
  NF_DEVICE void place(const ShortAttentionCall& call) {
    NF_UNROLL for (int half = 0; half < 2; ++half) {
      float x[kBlocks][2];
      float squares = 0;
      NF_UNROLL for (int n = 0; n < kBlocks; ++n) {
        const ptx::Float2 two = pair(half, n);
        x[n][0] = two.x, x[n][1] = two.y;
        squares += two.x * two.x + two.y * two.y;
      }
      if (call.normalise) {
        inverse_rms[half] = ptx::rsqrt(sum_of_row(squares) * (1.0f / kHeadDim) + call.epsilon);
      }
      NF_UNROLL for (int n = 0; n < kBlocks; ++n) {
        x[n][0] *= inverse_rms[half], x[n][1] *= inverse_rms[half];
      }
      if (call.cosine != nullptr) {
        const Angles<kHeadDim> angles = angles_of(call, half);
        NF_UNROLL for (int n = 0; n < kBlocks / 2; ++n) {
          angles.template turn<1>(n, x[n], x[n + kBlocks / 2]);
        }
      }
      NF_UNROLL for (int n = 0; n < kBlocks; ++n) {
        ptx::st_shared(rows.pair(fragment_row() + 8 * half, n),
                       ptx::cvt_pack(Half(), x[n][0], x[n][1]));
      }
    }
  }

  /// From the gradient g of y to that of x. A turn keeps products, so
  /// x' = turned back(g - y mean(g y)) / rms(x).
  NF_DEVICE void carry_back(const ShortAttentionCall& call, float (&g)[kBlocks][4]) const {
    NF_UNROLL for (int half = 0; half < 2; ++half) {
      if (call.normalise) carry_back_norm(g, half);
      if (call.cosine != nullptr) {
        const Angles<kHeadDim> angles = angles_of(call, half);
        NF_UNROLL for (int n = 0; n < kBlocks / 2; ++n) {
          angles.template turn<-1>(n, g[n] + 2 * half, g[n + kBlocks / 2] + 2 * half);
        }
      }
    }
  }

 private:
  NF_DEVICE ptx::Float2 pair(int half, int n) const {
    return ptx::cvt_unpack(Half(), ptx::ld_shared(rows.pair(fragment_row() + 8 * half, n)));
  }

  /// Of one of the two rows; rows that are not there are zeros and turn as the first.
  NF_DEVICE Angles<kHeadDim> angles_of(const ShortAttentionCall& call, int half) const {
    const int row = fragment_row() + 8 * half;
    return {call, row < count ? position + row : 0};
  }

  NF_DEVICE void carry_back_norm(float (&g)[kBlocks][4], int half) const {
    float product = 0;
    NF_UNROLL for (int n = 0; n < kBlocks; ++n) {
      const ptx::Float2 y = pair(half, n);
      product += g[n][2 * half] * y.x + g[n][2 * half + 1] * y.y;
    }
    const float mean = sum_of_row(product) * (1.0f / kHeadDim);
    NF_UNROLL for (int n = 0; n < kBlocks; ++n) {
      const ptx::Float2 y = pair(half, n);
      g[n][2 * half] = (g[n][2 * half] - y.x * mean) * inverse_rms[half];
      g[n][2 * half + 1] = (g[n][2 * half + 1] - y.y * mean) * inverse_rms[half];
    }
  }
};

}  // namespace
}  // namespace nextframe
