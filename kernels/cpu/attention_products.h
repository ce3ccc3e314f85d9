// Products of attention's probabilities with rows of values or gradients. Private to each source
// file, see registers.h.
#pragma once

#include "kernels/cpu/attention_scores.h"

namespace nextframe::cpu {
namespace {

/// Calls body(first column, constant number of registers) over the width of a row.
template <class Body>
NF_INLINE void for_columns(int64_t width, const Body& body) {
  int64_t column = 0;
  for (; column + 4 * kLanes <= width; column += 4 * kLanes) body.template operator()<4>(column);
  if (column + 2 * kLanes <= width) body.template operator()<2>(column), column += 2 * kLanes;
  if (column + kLanes <= width) body.template operator()<1>(column);
}

/// to[query][width] = sum over the query's visible keys of shares[key][query] * rows[key][width].
template <class W>
NF_INLINE void sum_over_keys(const auto& s, int64_t block, int64_t queries, const Scores& shares,
                             const Packed& rows, float* to) {
  for_columns(
      s.width.values, [&]<int kVectors>(int64_t column) __attribute__((always_inline)) {
        constexpr int kRows = kAccumulators / kVectors;
        for (int64_t query = 0; query < queries; query += kRows) {
          Floats sums[kRows][kVectors] = {};
          const KeyRanges keys = ranges_of(s, block + query, block + query + kRows - 1, W::kValues);
          for (int n = 0; n < keys.count; ++n) {
            const int64_t first = keys.range[n].begin / W::kValues,
                          last = keys.range[n].end / W::kValues;
            product<W>(sums, shares.steps + first * kBlock + query, 1, kBlock,
                       rows.steps + first * s.width.values + column, s.width.values, last - first);
          }
#pragma GCC unroll 16
          for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v)
              store(to + (query + r) * s.width.values + column + v * kLanes, sums[r][v]);
          }
        }
      });
}

/// to[key][width] += sum over the block's queries that see the key of shares[key][query] *
/// rows[query][width].
template <class W>
NF_INLINE void sum_over_queries(const auto& s, int64_t block, int64_t queries,
                                const KeyRanges& keys, const Scores& shares, const Packed& rows,
                                float* to) {
  for_columns(
      s.width.values, [&]<int kVectors>(int64_t column) __attribute__((always_inline)) {
        constexpr int kRows =
            kAccumulators / kVectors < kRowTile ? kAccumulators / kVectors : kRowTile;
        for (int n = 0; n < keys.count; ++n) {
          for (int64_t key = keys.range[n].begin; key < keys.range[n].end; key += kRows) {
            const int64_t begin =
                greater(s.first_query_of_tile[key / kRowTile] - block, 0) / W::kValues;
            const int64_t end =
                round_up(lesser(s.last_query_of_tile[key / kRowTile] - block, queries),
                         W::kValues) /
                W::kValues;
            Floats sums[kRows][kVectors];
#pragma GCC unroll 16
            for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
              for (int v = 0; v < kVectors; ++v)
                sums[r][v] = load<Floats>(to + (key + r) * s.width.values + column + v * kLanes);
            }
            product<W>(sums, shares.rows + key * (kBlock / W::kValues) + begin, kBlock / W::kValues,
                       1, rows.steps + begin * s.width.values + column, s.width.values,
                       end - begin);
#pragma GCC unroll 16
            for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
              for (int v = 0; v < kVectors; ++v)
                store(to + (key + r) * s.width.values + column + v * kLanes, sums[r][v]);
            }
          }
        }
      });
}

}  // namespace
}  // namespace nextframe::cpu
