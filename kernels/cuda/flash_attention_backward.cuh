// Flash attention backward, for keys and values and for queries. flash_attention.cuh says what it
// computes and what bounds it.
#pragma once

#include "kernels/cuda/flash_attention.cuh"

namespace nextframe {
namespace {

/// One side's two operands: what is multiplied for scores, and for gradients of shares. The other
/// side's come a tile ahead, in turns to two places.
template <class Shape>
struct OtherSide {
  const uint16_t* rows[2];
  int64_t strides[2];
  int count;

  NF_DEVICE static typename Shape::Rows at(int turn, int which) {
    return Shape::other(2, turn % 2 * 2 + which);
  }
  NF_DEVICE void copy(int turn, int begin) const {
    NF_UNROLL for (int which = 0; which < 2; ++which) {
      copy_tile<Shape::kOther>(at(turn, which), rows[which], strides[which], begin, count);
    }
  }
};

template <class Shape>
NF_DEVICE RowIntervals<Shape::kRows> intervals_of() {
  return {Shape::intervals(2, 4)};
}
template <class Shape>
NF_DEVICE KeptTiles kept_of() {
  return {Shape::tiles(2, 4)};
}

/// Where the i-th tile is one that some row does not see whole.
template <class Shape>
NF_DEVICE void hide_unseen(typename Shape::Scores& scores, int i) {
  const FlashTiles tiles = kept_of<Shape>().read(Shape::kOther);
  const int begin = tiles.begin_of(i);
  if (!tiles.is_full(begin)) intervals_of<Shape>().hide(scores, begin, kUnseen);
}

// ---- Gradients of keys and values: own rows are keys, the others queries

/// The two terms of a tile of queries, per query: logarithm of the sum, product with the gradient.
template <class Shape>
struct TileTerms {
  ptx::Shared base;

  NF_DEVICE static TileTerms at(int turn) {
    return {kept_of<Shape>().base +
            static_cast<ptx::Shared>(KeptTiles::kBytes + turn % 2 * Shape::kTermsBytes)};
  }
  NF_DEVICE void copy(const float* from) const {
    const int thread = static_cast<int>(ptx::tid());
    if (thread < Shape::kOther / 2) {
      ptx::cp_async_16(base + static_cast<ptx::Shared>(thread * 16), from + thread * 4, true);
    }
  }

  /// Scores -> shares, gradients of shares -> of scores, but for the scale.
  NF_DEVICE void apply(typename Shape::Scores& scores, typename Shape::Scores& slopes,
                       float scale) const {
    NF_UNROLL for (int n = 0; n < Shape::kOther / 8; ++n) {
      const ptx::Word4 words =
          ptx::ld_shared_v4(base + static_cast<ptx::Shared>((8 * n + fragment_column()) * 8));
      NF_UNROLL for (int part = 0; part < Shape::kParts; ++part) {
        NF_UNROLL for (int e = 0; e < 4; ++e) {
          const float log_sum = ptx::as_float(words.word[e % 2 * 2]);
          const float product = ptx::as_float(words.word[e % 2 * 2 + 1]);
          const float share = ptx::ex2(scores[part][n][e] * scale - log_sum);
          scores[part][n][e] = share;
          slopes[part][n][e] = share * (slopes[part][n][e] - product);
        }
      }
    }
  }
};

template <class Shape>
NF_DEVICE void flash_attention_keys_backward(const FlashAttentionCall& call) {
  using Half = typename Shape::Half;
  constexpr int kRows = Shape::kRows, kOther = Shape::kOther;
  // Asked for where they are used, so that no address fills a register across the loop.
  const auto key = [] { return Shape::own(0); };
  const auto value = [] { return Shape::own(1); };
  const auto own = [] { return warp() * Shape::kWarpRows; };
  const int keys = static_cast<int>(call.mask.keys);
  const auto place_of = [&] { return FlashPlace::of(call, keys, kRows, false); };

  const auto place = place_of();
  const FlashTiles tiles =
      FlashTiles::of_queries(call.mask, place.first, place.last(kRows), call.queries, kOther);
  const float* terms = call.row_terms + int64_t{place.unit_number} * call.padded_queries * 2;
  const OtherSide<Shape> queries{{place.unit.rows(call.query), place.unit.rows(call.result)},
                                 {call.query.position, call.result.position},
                                 call.queries};
  copy_tile<kRows>(key(), place.unit.rows(call.key), call.key.position, place.first, keys);
  copy_tile<kRows>(value(), place.unit.rows(call.value), call.value.position, place.first, keys);
  if (tiles.count > 0) {
    queries.copy(0, tiles.begin_of(0));
    TileTerms<Shape>::at(0).copy(terms + tiles.begin_of(0) * 2);
  }
  ptx::cp_async_commit();
  kept_of<Shape>().keep(tiles);
  intervals_of<Shape>().fill(place.count, [&](int row, int which) {
    return which == 0 ? call.mask.seen_by(place.first + row, call.queries) : KeyInterval{0, 0};
  });

  const int num_tiles = tiles.count;
  typename Shape::Sums grad_key = {}, grad_value = {};
  for (int i = 0; i < num_tiles; ++i) {
    ptx::cp_async_wait<0>();
    ptx::bar_sync();  // this tile is here, and all are done with the one before
    if (i + 1 < num_tiles) {
      const int next = kept_of<Shape>().read(kOther).begin_of(i + 1);
      queries.copy(i + 1, next);
      TileTerms<Shape>::at(i + 1).copy(terms + next * 2);
      ptx::cp_async_commit();
    }
    typename Shape::Scores scores = {}, slopes = {};
    multiply_rows<Half>(scores, key().from_row(own()), queries.at(i, 0));
    hide_unseen<Shape>(scores, i);
    multiply_rows<Half>(slopes, value().from_row(own()), queries.at(i, 1));
    TileTerms<Shape>::at(i).apply(scores, slopes, call.scale * kLog2OfE);
    multiply_shares<Half>(grad_value, scores, queries.at(i, 1));
    multiply_shares<Half>(grad_key, slopes, queries.at(i, 0));
  }
  ptx::cp_async_wait<0>();
  ptx::bar_sync();  // own rows are here even if no query sees them
  scale_all(grad_key, call.scale);
  const auto here = place_of();
  write_own<Shape>(call.grad_value, here.unit, here.first, keys, grad_value, value());
  write_own<Shape>(call.grad_key, here.unit, here.first, keys, grad_key, key());
}

// ---- Gradients of queries: own rows are queries, the others keys

/// The two terms of a warp's queries.
template <class Shape>
struct OwnTerms {
  ptx::Float2 terms[Shape::kParts][2];

  NF_DEVICE explicit OwnTerms(const float* from) {
    NF_UNROLL for (int i = 0; i < 2 * Shape::kParts; ++i) {
      const int row = (warp() * Shape::kParts + i / 2) * kTile + fragment_row() + i % 2 * 8;
      terms[i / 2][i % 2] = ptx::ld_global_nc(from + row * 2);
    }
  }

  /// Scores and gradients of shares -> gradients of scores, but for the scale.
  NF_DEVICE void apply(const typename Shape::Scores& scores, typename Shape::Scores& slopes,
                       float scale) const {
    NF_UNROLL for (int part = 0; part < Shape::kParts; ++part) {
      NF_UNROLL for (int i = 0; i < Shape::kOther / 2; ++i) {
        const ptx::Float2 own = terms[part][i % 4 / 2];
        float& slope = slopes[part][i / 4][i % 4];
        slope = ptx::ex2(scores[part][i / 4][i % 4] * scale - own.x) * (slope - own.y);
      }
    }
  }
};

template <class Shape>
NF_DEVICE void flash_attention_queries_backward(const FlashAttentionCall& call) {
  using Half = typename Shape::Half;
  constexpr int kRows = Shape::kRows, kOther = Shape::kOther;
  // Asked for where they are used, so that no address fills a register across the loop.
  const auto query = [] { return Shape::own(0); };
  const auto grad = [] { return Shape::own(1); };
  const auto own = [] { return warp() * Shape::kWarpRows; };
  const auto place_of = [&] { return FlashPlace::of(call, call.queries, kRows, true); };

  const auto place = place_of();
  const FlashTiles tiles = FlashTiles::of_keys(call.mask, place.first, place.last(kRows), kOther);
  const OtherSide<Shape> others{{place.unit.rows(call.key), place.unit.rows(call.value)},
                                {call.key.position, call.value.position},
                                static_cast<int>(call.mask.keys)};
  copy_tile<kRows>(query(), place.unit.rows(call.query), call.query.position, place.first,
                   call.queries);
  copy_tile<kRows>(grad(), place.unit.rows(call.result), call.result.position, place.first,
                   call.queries);
  others.copy(0, tiles.begin_of(0));
  ptx::cp_async_commit();
  kept_of<Shape>().keep(tiles);
  intervals_of<Shape>().fill(place.count, [&](int row, int which) {
    return which == 0 ? call.mask.seen(place.first + row) : call.mask.sink(place.first + row);
  });
  const OwnTerms<Shape> terms(call.row_terms +
                              (int64_t{place.unit_number} * call.padded_queries + place.first) * 2);

  const int num_tiles = tiles.count;
  typename Shape::Sums sums = {};
  for (int i = 0; i < num_tiles; ++i) {
    ptx::cp_async_wait<0>();
    ptx::bar_sync();  // this tile is here, and all are done with the one before
    if (i + 1 < num_tiles) {
      others.copy(i + 1, kept_of<Shape>().read(kOther).begin_of(i + 1));
      ptx::cp_async_commit();
    }
    typename Shape::Scores scores = {}, slopes = {};
    multiply_rows<Half>(scores, query().from_row(own()), others.at(i, 0));
    hide_unseen<Shape>(scores, i);
    multiply_rows<Half>(slopes, grad().from_row(own()), others.at(i, 1));
    terms.apply(scores, slopes, call.scale * kLog2OfE);
    multiply_shares<Half>(sums, slopes, others.at(i, 0));
  }
  scale_all(sums, call.scale);
  const auto here = place_of();
  write_own<Shape>(call.grad_query, here.unit, here.first, call.queries, sums, query());
}

}  // namespace
}  // namespace nextframe
