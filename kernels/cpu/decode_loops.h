// Decoding with a KV cache: in each sequence and head, one new row joins the cache and attends to
// it. Private to each source file, see registers.h.
//
// Lanes are values, so nothing is padded or transposed. Bound by memory: cached rows are read once
// (QK-norm and RoPE were applied before); of new rows three are read and three are written.
#pragma once

#include "kernels/cpu/attention_rows.h"

namespace nextframe::cpu {
namespace {

template <class Width>
struct DecodeScratch {
  Width width;
  bool uses_streaming_stores = false;  // a ring is read again
  float* shares;                       // [seen, rounded up to kLanes]

  DecodeScratch(const DecodeCall& call, void* memory)
      : width(call.step.head_dim), shares(static_cast<float*>(memory)) {}
};

inline int64_t decode_scratch_bytes(const DecodeCall& call) {
  return round_up(call.seen, kLanes) * 4;
}

/// Calls body(first, last, rows) for the visible slots, in up to two contiguous stretches,
/// oldest first.
template <class T, class Body>
NF_INLINE void for_stretches(const DecodeCall& call, const AttentionOperand& ring, int64_t unit,
                             const Body& body) {
  const T* rows = unit_data<T>(call.step, ring, unit);
  const int64_t oldest = call.oldest_slot();
  const int64_t count = lesser(call.seen, call.slots - oldest);
  body(0, count, rows + oldest * ring.position);
  body(count, call.seen, rows);
}

/// Stores the new row of `from` in its slot; keys get QK-norm and RoPE on the way.
template <class T>
NF_INLINE void keep_row(const DecodeCall& call, const auto& s, int64_t unit,
                        const AttentionOperand& from, const AttentionOperand& ring,
                        bool is_placed) {
  Row row;
  norm_rope_row(call.step, s, unit_data<T>(call.step, from, unit), is_placed ? 0 : -1, row);
  write_row(s, row, unit_data<T>(call.step, ring, unit) + call.slot * ring.position);
}

/// Prefetches the same slot's row of the next unit, one row at a time beside the work on this
/// unit, since all at once would stall.
template <class T>
NF_INLINE void prefetch_next(const DecodeCall& call, const auto& s, const AttentionOperand& ring,
                             int64_t unit, const T* row) {
  if (unit + 1 >= call.step.units()) return;
  const T* next =
      row + (unit_data<T>(call.step, ring, unit + 1) - unit_data<T>(call.step, ring, unit));
  for (int64_t value = 0; value < s.width.head_dim; value += 64 / static_cast<int64_t>(sizeof(T)))
    __builtin_prefetch(next + value);
}

/// exp(scale (score - largest)) in place; returns their sum, lane by lane and then halves first.
NF_INLINE float exponentials_of(const DecodeCall& call, float* shares, float largest) {
  for (int64_t i = call.seen; i < round_up(call.seen, kLanes); ++i) shares[i] = -1e30f;
  Floats total{};
  for (int64_t i = 0; i < call.seen; i += kLanes) {
    const Floats share =
        exp_of_negative((load<Floats>(shares + i) - all(largest)) * call.step.scale);
    store(shares + i, share);
    total += share;
  }
  return sum(total);
}

template <class T, class Width>
void decode_units(const DecodeCall& call, int64_t first, int64_t last, void* memory) {
  const DecodeScratch<Width> s(call, memory);
  for (int64_t unit = first; unit < last; ++unit) {
    keep_row<T>(call, s, unit, call.step.key, call.ring_key, true);
    keep_row<T>(call, s, unit, call.step.value, call.ring_value, false);
    Row query;
    norm_rope_row(call.step, s, unit_data<T>(call.step, call.step.query, unit), 0, query);
    round_row<T>(s, query);
    float largest = -1e30f;
    const auto score = [&](int64_t begin, int64_t end, const T* row)
        __attribute__((always_inline)) {
      for (int64_t i = begin; i < end; ++i, row += call.ring_key.position) {
        Row key;
        prefetch_next(call, s, call.ring_key, unit, row);
        read_row(s, row, key);
        s.shares[i] = dot(s, query, key);
        largest = s.shares[i] > largest ? s.shares[i] : largest;
      }
    };
    for_stretches<T>(call, call.ring_key, unit, score);
    const float inverse_sum = 1.0f / exponentials_of(call, s.shares, largest);
    Row mixed{};
    const auto mix = [&](int64_t begin, int64_t end, const T* row) __attribute__((always_inline)) {
      for (int64_t i = begin; i < end; ++i, row += call.ring_value.position) {
        Row value;
        prefetch_next(call, s, call.ring_value, unit, row);
        read_row(s, row, value);
        add_row(s, s.shares[i], value, mixed);
      }
    };
    for_stretches<T>(call, call.ring_value, unit, mix);
    scale_row(s, inverse_sum, mixed);
    write_row(s, mixed, unit_data<T>(call.step, call.step.result, unit));
  }
}

template <class T>
void decode_units_of(const DecodeCall& call, int64_t first, int64_t last, void* memory) {
  using W = FloatWords;
  if (call.step.head_dim == 32)
    return decode_units<T, FixedWidth<W, 32>>(call, first, last, memory);
  if (call.step.head_dim == 64)
    return decode_units<T, FixedWidth<W, 64>>(call, first, last, memory);
  decode_units<T, AnyWidth<W>>(call, first, last, memory);
}

inline void decode(const DecodeCall& call, int64_t first, int64_t last, void* memory) {
  call.step.is_bf16 ? decode_units_of<Bf16>(call, first, last, memory)
                    : decode_units_of<float>(call, first, last, memory);
}

}  // namespace
}  // namespace nextframe::cpu
