// The matrices that attention of one head works in, and their places in scratch memory. Private to
// each source file, see registers.h.
#pragma once

#include "kernels/cpu/loops.h"
#include "kernels/cpu/words.h"

namespace nextframe::cpu {
namespace {

constexpr int64_t kRowTile = 8;         // rows are padded to a multiple of this
constexpr int64_t kBlock = 2 * kLanes;  // queries in a block; the last block may have half as many

NF_INLINE int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}
NF_INLINE int64_t round_down(int64_t value, int64_t multiple) {
  return value / multiple * multiple;
}
NF_INLINE int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }
NF_INLINE int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }

/// A matrix in the three forms that product() takes. With one value a word the first two are the
/// same.
struct Packed {
  uint32_t* words;  // [rows][width / values a word]: a row is a factor A
  uint32_t* steps;  // [rows / values a word][width]: B, summed over rows
  uint32_t* lanes;  // [width / values a word][kBlock]: B, rows in lanes; of blocks of queries only
};

/// Scores or their gradients, [keys][kBlock queries].
struct Scores {
  float* values;
  uint32_t* rows;   // [keys][kBlock / values a word]: A, summed over queries
  uint32_t* steps;  // [keys / values a word][kBlock]: A transposed, summed over keys

  /// These float values in place of `steps`.
  NF_INLINE Scores exact() const { return {values, nullptr, reinterpret_cast<uint32_t*>(values)}; }
};

/// A head width known at compile time; `values` is rounded up to whole registers of words.
template <class W, int64_t kHeadDim>
struct FixedWidth {
  static constexpr int64_t head_dim = kHeadDim;
  static constexpr int64_t values =
      (kHeadDim + kLanes * W::kValues - 1) / (kLanes * W::kValues) * (kLanes * W::kValues);
  explicit FixedWidth(int64_t) {}
};

/// A head width known at run time.
template <class W>
struct AnyWidth {
  int64_t head_dim, values;
  explicit AnyWidth(int64_t given)
      : head_dim(given), values(round_up(given, kLanes * W::kValues)) {}
};

template <class Width>
struct Scratch {
  explicit Scratch(int64_t head_dim) : width(head_dim) {}

  Width width;
  bool uses_streaming_stores;
  int64_t key_rows;  // keys, rounded up to tiles
  int32_t *window_begin, *window_end, *sink_begin,
      *sink_end;  // [queries + kBlock]: the keys that each query sees
  int32_t *first_query_of_tile,
      *last_query_of_tile;  // [key tiles]: the queries that see one of its keys
  Packed query, key, value, grad;
  Scores p, ds;
  float* inverse_sum;                         // [kBlock]
  float *grad_query, *grad_key, *grad_value;  // [kBlock][width], [key_rows][width]
  int64_t bytes;
};

template <class W, class Width>
NF_INLINE Scratch<Width> lay_out(const AttentionCall& call, void* memory) {
  Scratch<Width> s(call.head_dim);
  auto next = reinterpret_cast<uintptr_t>(memory);  // null when only the size is asked for
  const auto take = [&next](auto*& pointer, int64_t count) {
    pointer = reinterpret_cast<decltype(pointer + 0)>(next);
    next += static_cast<uintptr_t>(round_up(count * 4, 64));
  };
  s.uses_streaming_stores = call.uses_streaming_stores;
  s.key_rows = round_up(call.mask.keys, kRowTile);
  take(s.window_begin, call.queries + kBlock), take(s.window_end, call.queries + kBlock);
  take(s.sink_begin, call.queries + kBlock), take(s.sink_end, call.queries + kBlock);
  take(s.first_query_of_tile, s.key_rows / kRowTile),
      take(s.last_query_of_tile, s.key_rows / kRowTile);
  const auto take_packed = [&](Packed& matrix, int64_t rows) {
    take(matrix.words, rows * s.width.values / W::kValues);
    matrix.steps = matrix.words, matrix.lanes = nullptr;
    if (W::kValues > 1) take(matrix.steps, rows * s.width.values / W::kValues);
  };
  take_packed(s.key, s.key_rows), take_packed(s.value, s.key_rows);
  take_packed(s.query, kBlock), take(s.query.lanes, kBlock * s.width.values / W::kValues);
  take_packed(s.grad, kBlock), take(s.grad.lanes, kBlock * s.width.values / W::kValues);
  const auto take_shares = [&](Scores& shares) {
    take(shares.values, s.key_rows * kBlock);
    shares.rows = shares.steps = reinterpret_cast<uint32_t*>(shares.values);
    if (W::kValues == 1) return;
    take(shares.rows, s.key_rows * kBlock / W::kValues);
    take(shares.steps, s.key_rows * kBlock / W::kValues);
  };
  take_shares(s.p), take_shares(s.ds);
  take(s.inverse_sum, kBlock);
  take(s.grad_query, kBlock * s.width.values);
  take(s.grad_key, s.key_rows * s.width.values), take(s.grad_value, s.key_rows * s.width.values);
  s.bytes = static_cast<int64_t>(next - reinterpret_cast<uintptr_t>(memory));
  return s;
}

/// Tabulates the mask. Padding queries after the last one see what it sees.
NF_INLINE void tabulate_mask(const AttentionCall& call, const auto& s) {
  for (int64_t i = 0; i < call.queries + kBlock; ++i) {
    const int64_t query = lesser(i, call.queries - 1);
    const KeyInterval seen = call.mask.seen(query), sink = call.mask.sink(query);
    s.window_begin[i] = static_cast<int32_t>(seen.begin),
    s.window_end[i] = static_cast<int32_t>(seen.end);
    s.sink_begin[i] = static_cast<int32_t>(sink.begin),
    s.sink_end[i] = static_cast<int32_t>(sink.end);
  }
  for (int64_t tile = 0; tile < s.key_rows / kRowTile; ++tile) {
    const int64_t last = lesser(tile * kRowTile + kRowTile, call.mask.keys) - 1;
    const KeyInterval a = call.mask.seen_by(tile * kRowTile, call.queries);
    const KeyInterval b = call.mask.seen_by(last, call.queries);
    s.first_query_of_tile[tile] = static_cast<int32_t>(a.begin);
    s.last_query_of_tile[tile] = static_cast<int32_t>(greater(a.end, b.end));
  }
}

}  // namespace
}  // namespace nextframe::cpu
