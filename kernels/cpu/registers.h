// SIMD registers of floats or words, as wide as the instruction set that the source file is
// compiled for. Everything here is private to each such file: if two files shared a function, the
// linker might keep the one with instructions that the machine lacks.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed between inlined functions only
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 says so of its own intrinsics
#define NF_INLINE inline __attribute__((always_inline))
#define NF_LAMBDA_INLINE __attribute__((always_inline))

namespace nextframe::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16, kAccumulators = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kAccumulators = 8;
#else
constexpr int kLanes = 4, kAccumulators = 8;
#endif
using Floats = float __attribute__((vector_size(4 * kLanes)));
using Words = uint32_t __attribute__((vector_size(4 * kLanes)));
using Signed = int32_t __attribute__((vector_size(4 * kLanes)));
using Halves = uint16_t __attribute__((vector_size(2 * kLanes)));

template <class Vector>
NF_INLINE Vector load(const void* from) {
  Vector value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class Vector>
NF_INLINE void store(void* to, const Vector& value) {
  std::memcpy(to, &value, sizeof value);
}
/// To an aligned place that will not be read soon: the line is not fetched first.
NF_INLINE void store_streaming(float* to, Floats value) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, (__m512)value);
#else
  store(to, value);
#endif
}
NF_INLINE Floats all(float value) { return Floats{} + value; }

/// a * b + c, rounded once where the machine can.
NF_INLINE Floats multiply_add(Floats a, Floats b, Floats c) {
#if defined(__AVX512F__)
  return (Floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
  return (Floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}

NF_INLINE Floats select(Signed condition, Floats yes, Floats no) {
  return (Floats)((condition & (Signed)yes) | (~condition & (Signed)no));
}
NF_INLINE Floats larger(Floats a, Floats b) {
#if defined(__AVX512F__)
  return (Floats)_mm512_max_ps((__m512)a, (__m512)b);
#else
  return select(a > b, a, b);
#endif
}

/// Each lane and the one kStride away.
template <int kStride>
NF_INLINE Floats fold(Floats v) {
  Signed other;
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) other[i] = i ^ kStride;
  return v + __builtin_shuffle(v, other);
}

/// Halves first.
NF_INLINE float sum(Floats v) {
  if constexpr (kLanes > 8) v = fold<8>(v);
  if constexpr (kLanes > 4) v = fold<4>(v);
  return fold<1>(fold<2>(v))[0];
}

/// How much of a float32 result counts: all of it, or what bfloat16 keeps (relative error 1e-4).
enum class Digits { kAll, kBf16 };

/// (e^f - 1 - f) / f^2 for |f| <= ln(2) / 2. Cephes' expf (Moshier 1989); Taylor's series for
/// fewer.
template <Digits kDigits>
NF_INLINE Floats exp_tail(Floats f) {
  if (kDigits == Digits::kBf16)
    return multiply_add(multiply_add(f, all(1.0f / 24), all(1.0f / 6)), f, all(0.5f));
  Floats p = multiply_add(f, all(1.9875691500e-4f), all(1.3981999507e-3f));
  p = multiply_add(p, f, all(8.3334519073e-3f));
  p = multiply_add(p, f, all(4.1665795894e-2f));
  p = multiply_add(p, f, all(1.6666665459e-1f));
  return multiply_add(p, f, all(5.0000001201e-1f));
}

/// e^x for x <= 0, relative error near 1e-7; 0 far below -87. x = n ln 2 + f.
template <Digits kDigits = Digits::kAll>
NF_INLINE Floats exp_of_negative(Floats x) {
#if defined(__AVX512F__)
  const Floats bounded = larger(all(-120.0f), x);  // the second stays if it is no number
  const Floats n = (Floats)_mm512_roundscale_ps((__m512)(bounded * 1.44269504089f), 0);
#else
  const Floats bounded = larger(all(-87.0f), x);
  const Floats shifted =
      multiply_add(bounded, all(1.44269504089f), all(12582912.0f));  // 1.5 * 2^23 rounds
  const Floats n = shifted - 12582912.0f;
#endif
  const Floats f =
      multiply_add(n, all(2.12194440e-4f), multiply_add(n, all(-0.693359375f), bounded));
  const Floats power_of_f = multiply_add(exp_tail<kDigits>(f), f * f, f) + 1.0f;
#if defined(__AVX512F__)
  return (Floats)_mm512_scalef_ps((__m512)power_of_f, (__m512)n);
#else
  const Floats power = (Floats)(((Words)shifted + 127u) << 23);  // the low bits of `shifted` are n
  return select(x < -87.0f, Floats{}, power_of_f * power);
#endif
}

/// 1 / x for x in [1, 2], relative error below 1e-7.
template <Digits kDigits = Digits::kAll>
NF_INLINE Floats inverse(Floats x) {
#if defined(__AVX512F__)
  const Floats guess = (Floats)_mm512_rcp14_ps((__m512)x);
  if (kDigits == Digits::kBf16) return guess;
  return multiply_add(guess, multiply_add(-guess, x, all(1.0f)), guess);  // Newton's step
#else
  return 1.0f / x;
#endif
}

/// bfloat16 bits in the low halves of the words; to nearest, ties to even; a NaN stays one.
NF_INLINE Words to_bf16(Floats value) {
#if defined(__AVX512BF16__)
  return (Words)_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)value));
#else
  const Words bits = (Words)value;
  const Words rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  const Words is_nan = (Words)(value != value);
  return (rounded & ~is_nan) | (is_nan & 0x7FC0u);
#endif
}

// Values in memory

struct Bf16 {
  uint16_t bits;
};

NF_INLINE Floats load_values(const float* from) { return load<Floats>(from); }
NF_INLINE Floats load_values(const Bf16* from) {
#if defined(__AVX512F__)
  const auto halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return (Floats)((Words)_mm512_cvtepu16_epi32(halves) << 16);
#else
  return (Floats)(__builtin_convertvector(load<Halves>(from), Words) << 16);
#endif
}
NF_INLINE void store_values(float* to, Floats value) { store(to, value); }
NF_INLINE void store_values(Bf16* to, Floats value) {
#if defined(__AVX512BF16__)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh((__m512)value));
#else
  store(to, __builtin_convertvector(to_bf16(value), Halves));
#endif
}
}  // namespace
}  // namespace nextframe::cpu
