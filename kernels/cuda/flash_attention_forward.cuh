// Flash attention forward. flash_attention.cuh says what it computes and what bounds it.
#pragma once

#include "kernels/cuda/flash_attention.cuh"

namespace nextframe {
namespace {

/// Of a warp's rows so far: the largest score, and this lane's part of the sum of 2^(scale score -
/// scale maximum).
template <int kParts>
struct RunningSoftmax {
  float maximum[kParts][2], sum[kParts][2];

  NF_DEVICE RunningSoftmax() {
    NF_UNROLL for (int i = 0; i < 2 * kParts; ++i) {
      maximum[i / 2][i % 2] = kUnseen, sum[i / 2][i % 2] = 0;
    }
  }

  /// Scores become shares, relative to the maximum; results so far are scaled to the new one.
  template <int kBlocks, int kColumns>
  NF_DEVICE void add(float (&scores)[kParts][kBlocks][4], float (&results)[kParts][kColumns][4],
                     float scale) {
    NF_UNROLL for (int part = 0; part < kParts; ++part) {
      NF_UNROLL for (int half = 0; half < 2; ++half) {
        float largest = maximum[part][half];
        NF_UNROLL for (int i = 0; i < 2 * kBlocks; ++i) {
          largest = fmaxf(largest, scores[part][i / 2][2 * half + i % 2]);
        }
        largest = maximum_of_row(largest);
        const float shrink = ptx::ex2((maximum[part][half] - largest) * scale);
        maximum[part][half] = largest;
        // A row that has seen nothing yet: kUnseen less any scores' size is nothing.
        const float offset = largest == kUnseen ? 0 : largest * scale;
        float total = 0;
        NF_UNROLL for (int i = 0; i < 2 * kBlocks; ++i) {
          float& score = scores[part][i / 2][2 * half + i % 2];
          score = ptx::ex2(score * scale - offset);
          total += score;
        }
        sum[part][half] = sum[part][half] * shrink + total;
        NF_UNROLL for (int i = 0; i < 2 * kColumns; ++i) {
          results[part][i / 2][2 * half + i % 2] *= shrink;
        }
      }
    }
  }

  /// Divides by the sums, and writes their logarithms. `to` is of the block's first row; rows from
  /// `count` on are not there.
  template <int kColumns>
  NF_DEVICE void finish(float (&results)[kParts][kColumns][4], float scale, float* to, int count) {
    NF_UNROLL for (int part = 0; part < kParts; ++part) {
      NF_UNROLL for (int half = 0; half < 2; ++half) {
        const float total = sum_of_row(sum[part][half]);
        const float inverse = ptx::rcp(total);
        NF_UNROLL for (int i = 0; i < 2 * kColumns; ++i) {
          results[part][i / 2][2 * half + i % 2] *= inverse;
        }
        const int row = (warp() * kParts + part) * kTile + fragment_row() + 8 * half;
        const float log_sum = maximum[part][half] * scale + ptx::lg2(total);
        if (fragment_column() == 0) ptx::st_global_f32(to + row, row < count ? log_sum : INFINITY);
      }
    }
  }
};

/// While a tile's keys are multiplied its values come, and while its values are, the next keys.
template <class Shape>
NF_DEVICE void flash_attention_forward(const FlashAttentionCall& call) {
  using Half = typename Shape::Half;
  constexpr int kRows = Shape::kRows, kOther = Shape::kOther;
  // Asked for where they are used, so that no address fills a register across the loop.
  const auto query = [] { return Shape::own(0); };
  const auto key = [] { return Shape::other(1, 0); };
  const auto value = [] { return Shape::other(1, 1); };
  const auto intervals = [] { return RowIntervals<kRows>{Shape::intervals(1, 2)}; };
  const auto kept = [] { return KeptTiles{Shape::tiles(1, 2)}; };
  const auto place_of = [&] { return FlashPlace::of(call, call.queries, kRows, true); };

  const int keys = static_cast<int>(call.mask.keys);
  const auto place = place_of();
  const uint16_t *key_rows = place.unit.rows(call.key), *value_rows = place.unit.rows(call.value);
  const FlashTiles tiles = FlashTiles::of_keys(call.mask, place.first, place.last(kRows), kOther);
  copy_tile<kRows>(query(), place.unit.rows(call.query), call.query.position, place.first,
                   call.queries);
  copy_tile<kOther>(key(), key_rows, call.key.position, tiles.begin_of(0), keys);
  ptx::cp_async_commit();
  kept().keep(tiles);
  intervals().fill(place.count, [&](int row, int which) {
    return which == 0 ? call.mask.seen(place.first + row) : call.mask.sink(place.first + row);
  });

  const float scale = call.scale * kLog2OfE;
  const int num_tiles = tiles.count;
  RunningSoftmax<Shape::kParts> softmax;
  typename Shape::Sums sums = {};
  for (int i = 0; i < num_tiles; ++i) {
    ptx::cp_async_wait<0>();
    ptx::bar_sync();  // keys are here, and all are done with the values before
    copy_tile<kOther>(value(), value_rows, call.value.position, kept().read(kOther).begin_of(i),
                      keys);
    ptx::cp_async_commit();
    typename Shape::Scores scores = {};
    multiply_rows<Half>(scores, query().from_row(warp() * Shape::kWarpRows), key());
    const FlashTiles again = kept().read(kOther);
    if (!again.is_full(again.begin_of(i))) intervals().hide(scores, again.begin_of(i), kUnseen);
    ptx::cp_async_wait<0>();
    ptx::bar_sync();  // values are here, and all are done with the keys
    softmax.add(scores, sums, scale);
    if (i + 1 < num_tiles) {
      copy_tile<kOther>(key(), key_rows, call.key.position, kept().read(kOther).begin_of(i + 1),
                        keys);
      ptx::cp_async_commit();
    }
    multiply_shares<Half>(sums, scores, value());
  }
  const auto here = place_of();
  softmax.finish(sums, scale,
                 call.log_sums + int64_t{here.unit_number} * call.padded_queries + here.first,
                 here.count);
  write_own<Shape>(call.result, here.unit, here.first, call.queries, sums, query());
}

}  // namespace
}  // namespace nextframe
