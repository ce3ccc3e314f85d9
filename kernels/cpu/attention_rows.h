// Loads rows of queries, keys and values (with QK-norm and RoPE) into packed matrices, and writes
// their gradients back. Private to each source file, see registers.h.
#pragma once

#include <type_traits>

#include "kernels/cpu/attention_scratch.h"

namespace nextframe::cpu {
namespace {

// ---- Rows, in registers

constexpr int64_t kPrefetchedRows = 64;

/// One row of at most kMaxHeadDim values, in as many registers as needed. With a width known
/// at compile time it stays in registers.
struct Row {
  Floats part[kMaxHeadDim / kLanes];
};

template <class T>
NF_INLINE T* unit_data(const AttentionCall& call, const AttentionOperand& operand, int64_t unit) {
  const int64_t head = unit % call.heads, inner = unit / call.heads % call.inner;
  const int64_t outer = unit / call.heads / call.inner;
  return static_cast<T*>(operand.data) + outer * operand.outer + inner * operand.inner +
         head * operand.head;
}

/// Prefetches the rows of a later unit: they are too short for the hardware prefetcher.
template <class T, bool kWrite = false>
NF_INLINE void prefetch(const AttentionCall& call, const auto& s, const AttentionOperand& operand,
                        int64_t unit, int64_t rows) {
  if (unit >= call.units()) return;
  const T* row = unit_data<T>(call, operand, unit);
  for (int64_t i = 0; i < lesser(rows, kPrefetchedRows); ++i, row += operand.position) {
    for (int64_t value = 0; value < s.width.head_dim;
         value += 64 / static_cast<int64_t>(sizeof(T))) {
      __builtin_prefetch(row + value, kWrite ? 1 : 0);
    }
  }
}

/// Reads head_dim values and pads with zeros.
template <class T>
NF_INLINE void read_row(const auto& s, const T* from, Row& row) {
  const int64_t full = s.width.head_dim / kLanes;
#pragma GCC unroll 8
  for (int64_t v = 0; v < s.width.values / kLanes; ++v) {
    if (v < full) {
      row.part[v] = load_values(from + v * kLanes);
    } else {
      T some[kLanes] = {};
      const int64_t count = greater(s.width.head_dim - v * kLanes, 0);
      std::memcpy(some, from + v * kLanes, static_cast<size_t>(count) * sizeof(T));
      row.part[v] = load_values(some);
    }
  }
}

template <class T>
NF_INLINE void write_row(const auto& s, const Row& row, T* to) {
  const int64_t full = s.width.head_dim / kLanes;
  if constexpr (std::is_same_v<T, float>) {
    if (s.uses_streaming_stores) {
#pragma GCC unroll 8
      for (int64_t v = 0; v < full; ++v) store_streaming(to + v * kLanes, row.part[v]);
      return;
    }
  }
#pragma GCC unroll 8
  for (int64_t v = 0; v < full; ++v) store_values(to + v * kLanes, row.part[v]);
  if (full * kLanes == s.width.head_dim) return;
  T some[kLanes];
  store_values(some, row.part[full]);
  std::memcpy(to + full * kLanes, some,
              static_cast<size_t>(s.width.head_dim - full * kLanes) * sizeof(T));
}

NF_INLINE void load_row(const auto& s, const float* from, Row& row) {
#pragma GCC unroll 8
  for (int64_t v = 0; v < s.width.values / kLanes; ++v)
    row.part[v] = load<Floats>(from + v * kLanes);
}

NF_INLINE void scale_row(const auto& s, float factor, Row& row) {
#pragma GCC unroll 8
  for (int64_t v = 0; v < s.width.values / kLanes; ++v) row.part[v] *= factor;
}

/// to += factor * row.
NF_INLINE void add_row(const auto& s, float factor, const Row& row, Row& to) {
#pragma GCC unroll 8
  for (int64_t v = 0; v < s.width.values / kLanes; ++v)
    to.part[v] = multiply_add(all(factor), row.part[v], to.part[v]);
}

/// Rounds to the precision of a factor of type T.
template <class T>
NF_INLINE void round_row(const auto& s, Row& row) {
  if constexpr (sizeof(T) == sizeof(float)) return;
#pragma GCC unroll 8
  for (int64_t v = 0; v < s.width.values / kLanes; ++v)
    row.part[v] = (Floats)(to_bf16(row.part[v]) << 16);
}

/// sum of a * b.
NF_INLINE float dot(const auto& s, const Row& a, const Row& b) {
  Floats products{};
#pragma GCC unroll 8
  for (int64_t v = 0; v < s.width.values / kLanes; ++v)
    products = multiply_add(a.part[v], b.part[v], products);
  return sum(products);
}

/// 1 / sqrt(mean(x^2) + epsilon).
NF_INLINE float inverse_size(const AttentionCall& call, const auto& s, const Row& row) {
  return 1.0f /
         __builtin_sqrtf(dot(s, row, row) / static_cast<float>(s.width.head_dim) + call.epsilon);
}

/// RoPE: rotates pair (i, i + head_dim / 2) by the angle of the position, or back.
template <bool kBack>
NF_INLINE void rotate(const AttentionCall& call, const auto& s, int64_t position, Row& row) {
  const int64_t pairs = s.width.head_dim / 2, half = pairs / kLanes;
  const float *cosine = call.cosine + position * pairs, *sine = call.sine + position * pairs;
  if (pairs % kLanes == 0) {
#pragma GCC unroll 4
    for (int64_t v = 0; v < half; ++v) {
      const Floats a = row.part[v], b = row.part[v + half], c = load<Floats>(cosine + v * kLanes);
      const Floats d = kBack ? -load<Floats>(sine + v * kLanes) : load<Floats>(sine + v * kLanes);
      row.part[v] = multiply_add(a, c, -(b * d));
      row.part[v + half] = multiply_add(b, c, a * d);
    }
    return;
  }
  float* x = reinterpret_cast<float*>(row.part);
  for (int64_t i = 0; i < pairs; ++i) {
    const float a = x[i], b = x[i + pairs], c = cosine[i], d = kBack ? -sine[i] : sine[i];
    x[i] = a * c - b * d;
    x[i + pairs] = b * c + a * d;
  }
}

/// Reads a row of queries or keys, with QK-norm and RoPE; with position < 0, unchanged.
template <class T>
NF_INLINE void norm_rope_row(const AttentionCall& call, const auto& s, const T* from,
                             int64_t position, Row& row) {
  read_row(s, from, row);
  if (position < 0) return;
  if (call.normalise) scale_row(s, inverse_size(call, s, row), row);
  if (call.cosine != nullptr) rotate<false>(call, s, position, row);
}

/// Carries a gradient back through norm_rope_row(), multiplies it by `factor` and writes it.
/// `from` is the row that norm_rope_row() read.
template <class T>
NF_INLINE void write_grad_row(const AttentionCall& call, const auto& s, const T* from,
                              int64_t position, const float* grad, float factor, T* to) {
  Row row;
  load_row(s, grad, row);
  if (call.cosine != nullptr) rotate<true>(call, s, position, row);
  if (call.normalise) {
    Row x;
    read_row(s, from, x);
    const float inverse = inverse_size(call, s, x);
    const float pull = inverse * inverse * (dot(s, row, x) / static_cast<float>(s.width.head_dim));
    factor *= inverse;
#pragma GCC unroll 8
    for (int64_t v = 0; v < s.width.values / kLanes; ++v)
      row.part[v] = multiply_add(x.part[v], all(-pull), row.part[v]);
  }
  scale_row(s, factor, row);
  write_row(s, row, to);
}

// ---- Rows of memory into matrices of words

NF_INLINE void pack_words(FloatWords, const auto& s, const Row& row, uint32_t* to) {
#pragma GCC unroll 8
  for (int64_t v = 0; v < s.width.values / kLanes; ++v) store(to + v * kLanes, row.part[v]);
}
NF_INLINE void pack_steps(FloatWords, const auto&, const Row (&)[1], uint32_t*) {}

#if defined(__AVX512BF16__)
NF_INLINE void pack_words(HalfWords, const auto& s, const Row& row, uint32_t* to) {
#pragma GCC unroll 8
  for (int64_t v = 0; v < s.width.values / kLanes; ++v)
    store_values(reinterpret_cast<Bf16*>(to) + v * kLanes, row.part[v]);
}
NF_INLINE void pack_steps(HalfWords, const auto& s, const Row (&rows)[2], uint32_t* to) {
#pragma GCC unroll 8
  for (int64_t v = 0; v < s.width.values / kLanes; ++v) {
    store(to + v * kLanes, to_bf16(rows[0].part[v]) | to_bf16(rows[1].part[v]) << 16);
  }
}
#endif

/// Packs rows [0, count) at `data`, `stride` apart, as words, steps or both, with zeros up to
/// `padded` rows. With `position` >= 0 they are queries or keys, the first one at that
/// position.
template <class W, bool kWords, bool kSteps, class T>
NF_INLINE void pack(const AttentionCall& call, const auto& s, const T* data, int64_t stride,
                    int64_t count, int64_t padded, int64_t position, const Packed& to) {
  const int64_t words = s.width.values / W::kValues;
  for (int64_t first = 0; first < padded; first += W::kValues) {
    Row rows[W::kValues];
#pragma GCC unroll 2
    for (int64_t r = 0; r < W::kValues; ++r) {
      const int64_t number = first + r;
      if (number < count) {
        norm_rope_row(call, s, data + number * stride, position < 0 ? position : position + number,
                      rows[r]);
      } else {
        for (int64_t v = 0; v < s.width.values / kLanes; ++v) rows[r].part[v] = Floats{};
      }
      if (kWords || W::kValues == 1) pack_words(W(), s, rows[r], to.words + number * words);
    }
    if (kSteps) pack_steps(W(), s, rows, to.steps + first / W::kValues * s.width.values);
  }
}
}  // namespace
}  // namespace nextframe::cpu
