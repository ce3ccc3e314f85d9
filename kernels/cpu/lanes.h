// This file is sixteen floats at a time on any CPU: loads, stores, sums and exp, in an order that
// does not depend on the width of its registers.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

// Compiles a function for several register widths and picks one at start. Sanitizers cannot follow
// that choice.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define NF_ANY_CPU __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define NF_ANY_CPU
#endif
// A clone can only use its registers in what it inlines.
#define NF_INLINE inline __attribute__((always_inline))

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed between inlined functions only

namespace nextframe::cpu {

inline constexpr int64_t kLanes = 16;
using Lanes = float __attribute__((vector_size(64)));
using Bits = uint32_t __attribute__((vector_size(64)));
using HalfBits = uint16_t __attribute__((vector_size(32)));

/// Copies `count` < 16 values in pieces of fixed size.
template <class T>
NF_INLINE void copy_some(const T* from, T* to, int64_t count) {
  int64_t at = 0;
  const auto piece = [&](auto size) __attribute__((always_inline)) {
    if ((count & size.value) == 0) return;
    std::memcpy(static_cast<void*>(to + at), from + at, size.value * sizeof(T));
    at += size.value;
  };
  piece(std::integral_constant<int64_t, 8>{});
  piece(std::integral_constant<int64_t, 4>{});
  piece(std::integral_constant<int64_t, 2>{});
  piece(std::integral_constant<int64_t, 1>{});
}

/// Reads the first `count` values of sixteen, all if there are more; the others are 0.
template <class Vector, class T>
NF_INLINE Vector read(const T* from, int64_t count) {
  Vector value{};
  if (count >= kLanes) {
    std::memcpy(&value, from, sizeof value);
  } else {
    T some[kLanes]{};
    copy_some(from, some, count);
    std::memcpy(&value, some, sizeof value);
  }
  return value;
}

template <class Vector, class T>
NF_INLINE void write(T* to, const Vector& value, int64_t count) {
  if (count >= kLanes) {
    std::memcpy(static_cast<void*>(to), &value, sizeof value);
  } else {
    T some[kLanes];
    std::memcpy(static_cast<void*>(some), &value, sizeof value);
    copy_some(some, to, count);
  }
}

NF_INLINE Lanes load(const float* from, int64_t count) { return read<Lanes>(from, count); }

NF_INLINE Lanes load(const c10::BFloat16* from, int64_t count) {
  return (Lanes)(__builtin_convertvector(read<HalfBits>(from, count), Bits) << 16);
}

NF_INLINE void store(float* to, const Lanes& value, int64_t count) { write(to, value, count); }

/// Rounds to nearest, ties to even; a NaN stays one.
NF_INLINE void store(c10::BFloat16* to, const Lanes& value, int64_t count) {
  const Bits bits = (Bits)value;
  const Bits rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  const Bits is_nan = (Bits)(value != value);
  write(to, __builtin_convertvector((rounded & ~is_nan) | (is_nan & 0x7FC0u), HalfBits), count);
}

/// The sum of all lanes, halves first.
NF_INLINE float sum(const Lanes& v) {
  using Eight = float __attribute__((vector_size(32)));
  using Four = float __attribute__((vector_size(16)));
  const Eight eight = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                      __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  const Four four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                    __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

NF_INLINE Lanes select(const Bits& condition, const Lanes& yes, const Lanes& no) {
  return (Lanes)((condition & (Bits)yes) | (~condition & (Bits)no));
}

NF_INLINE Lanes larger(const Lanes& a, const Lanes& b) { return select((Bits)(a > b), a, b); }

NF_INLINE float largest(const Lanes& v) {
  float result = v[0];
  for (int i = 1; i < kLanes; ++i) result = v[i] > result ? v[i] : result;
  return result;
}

/// e^x with a relative error near 1e-7, for x in [-87, 88]; smaller x count as -87, larger as 88.
/// Cephes' expf (Moshier 1989): x = n ln 2 + f, a polynomial in f, times 2^n.
NF_INLINE Lanes exp(const Lanes& x) {
  const Lanes low = Lanes{} - 87.0f, high = Lanes{} + 88.0f;
  const Lanes bounded = select((Bits)(x > high), high, select((Bits)(x < low), low, x));
  const Lanes shifted = bounded * 1.44269504089f + 12582912.0f;  // 1.5 * 2^23 rounds to integers
  const Lanes n = shifted - 12582912.0f;
  const Lanes f = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
  Lanes p = f * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  p = p * (f * f) + f + 1.0f;
  const Bits power = ((Bits)shifted + 127u) << 23;  // the low bits of `shifted` are n
  return p * (Lanes)power;
}

}  // namespace nextframe::cpu
