// Attention scores and softmax for a block of queries and the keys that they see, one query a lane.
// Private to each source file, see registers.h.
#pragma once

#include "kernels/cpu/attention_rows.h"

namespace nextframe::cpu {
namespace {

/// Up to two intervals of keys, aligned to `alignment`, that contain all keys that queries
/// [first, last] see.
struct KeyRanges {
  KeyInterval range[2];
  int count;
};

NF_INLINE KeyRanges ranges_of(const auto& s, int64_t first, int64_t last, int64_t alignment) {
  const KeyInterval seen{round_down(s.window_begin[first], alignment),
                         round_up(s.window_end[last], alignment)};
  const KeyInterval sink{round_down(s.sink_begin[first], alignment),
                         round_up(s.sink_end[last], alignment)};
  if (sink.end <= sink.begin || s.sink_end[last] <= s.sink_begin[first]) return {{seen, {}}, 1};
  if (sink.end >= seen.begin) return {{{lesser(sink.begin, seen.begin), seen.end}, {}}, 1};
  return {{sink, seen}, 2};
}

/// Scores of keys [key, key + kRows), -1e30 where the mask hides a key from a query.
template <class W, int kRows, int kVectors>
NF_INLINE void score_tile(const auto& s, int64_t block, int64_t key,
                          Floats (&scores)[kRows][kVectors]) {
  const int64_t words = s.width.values / W::kValues;
  for (auto& row : scores) {
    for (auto& lanes : row) lanes = Floats{};
  }
  product<W>(scores, s.key.words + key * words, words, 1, s.query.lanes, kBlock, words);
  const int64_t last = block + kVectors * kLanes - 1;
  if (key >= s.window_begin[last] && key + kRows <= s.window_end[block]) return;
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    const int64_t query = block + v * kLanes;
    const Signed window_begin = load<Signed>(s.window_begin + query),
                 window_end = load<Signed>(s.window_end + query);
    const Signed sink_begin = load<Signed>(s.sink_begin + query),
                 sink_end = load<Signed>(s.sink_end + query);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Signed number = Signed{} + static_cast<int32_t>(key + r);
      const Signed is_seen = (window_begin <= number) & (number < window_end);
      const Signed is_sink = (sink_begin <= number) & (number < sink_end);
      scores[r][v] = select(is_seen | is_sink, scores[r][v], all(-1e30f));
    }
  }
}

template <int kVectors>
constexpr int kKeyTile = kAccumulators / kVectors < kRowTile ? kAccumulators / kVectors : kRowTile;

/// The largest score of each query, for the softmax, where nothing bounds them; leaves the scores
/// in s.p.values.
template <class W, int kVectors>
NF_INLINE void largest_scores(const auto& s, int64_t block, const KeyRanges& keys,
                              Floats (&largest)[kVectors]) {
  constexpr int kRows = kKeyTile<kVectors>;
  for (auto& lanes : largest) lanes = all(-1e30f);
  for (int n = 0; n < keys.count; ++n) {
    for (int64_t key = keys.range[n].begin; key < keys.range[n].end; key += kRows) {
      Floats scores[kRows][kVectors];
      score_tile<W>(s, block, key, scores);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          largest[v] = larger(scores[r][v], largest[v]);
          store(s.p.values + (key + r) * kBlock + v * kLanes, scores[r][v]);
        }
      }
    }
  }
}

template <int kRows, int kVectors>
NF_INLINE void load_tile(const float* from, Floats (&tile)[kRows][kVectors]) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) tile[r][v] = load<Floats>(from + r * kBlock + v * kLanes);
  }
}

/// Softmax: calls body(key, tile) for each tile of keys with exp(scale (S - bound)), where
/// each query has its own bound; returns 1 / sum for each query. After QK-norm, scores are
/// bounded by Cauchy-Schwarz, so one pass is enough.
template <class W, int kVectors, class Body>
NF_INLINE void exponentials(const AttentionCall& call, const auto& s, int64_t block,
                            const KeyRanges& keys, Floats (&inverse_sum)[kVectors],
                            const Body& body) {
  constexpr int kRows = kKeyTile<kVectors>;
  Floats bound[kVectors], total[kVectors] = {};
  const float most = 1.01f * static_cast<float>(s.width.head_dim);  // rounding adds to it
  const bool is_bounded = call.normalise && call.scale * most < 40.0f;
  if (is_bounded) {
    for (auto& lanes : bound) lanes = all(most);
  } else {
    largest_scores<W>(s, block, keys, bound);
  }
  for (int n = 0; n < keys.count; ++n) {
    for (int64_t key = keys.range[n].begin; key < keys.range[n].end; key += kRows) {
      Floats tile[kRows][kVectors];
      if (is_bounded) {
        score_tile<W>(s, block, key, tile);
      } else {
        load_tile(s.p.values + key * kBlock, tile);
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          tile[r][v] = exp_of_negative((tile[r][v] - bound[v]) * call.scale);
          total[v] += tile[r][v];
        }
      }
      body(key, tile);
    }
  }
  for (int v = 0; v < kVectors; ++v) inverse_sum[v] = 1.0f / total[v];
}

/// Stores a tile of scores in the form that is summed over keys.
template <int kRows, int kVectors>
NF_INLINE void store_steps(FloatWords, const Scores& to, int64_t key,
                           const Floats (&tile)[kRows][kVectors]) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v)
      store(to.steps + (key + r) * kBlock + v * kLanes, tile[r][v]);
  }
}
/// Stores it in the form that is summed over queries. With one value a word the two forms are the
/// same.
template <int kRows, int kVectors>
NF_INLINE void store_rows(FloatWords, const Scores& to, int64_t key,
                          const Floats (&tile)[kRows][kVectors]) {
  store_steps(FloatWords(), to, key, tile);
}

#if defined(__AVX512BF16__)
template <int kRows, int kVectors>
NF_INLINE void store_steps(HalfWords, const Scores& to, int64_t key,
                           const Floats (&tile)[kRows][kVectors]) {
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r += 2) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      store(to.steps + (key + r) / 2 * kBlock + v * kLanes,
            to_bf16(tile[r][v]) | to_bf16(tile[r + 1][v]) << 16);
    }
  }
}
template <int kRows, int kVectors>
NF_INLINE void store_rows(HalfWords, const Scores& to, int64_t key,
                          const Floats (&tile)[kRows][kVectors]) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      store_values(reinterpret_cast<Bf16*>(to.rows + (key + r) * (kBlock / 2)) + v * kLanes,
                   tile[r][v]);
    }
  }
}
#endif

}  // namespace
}  // namespace nextframe::cpu
