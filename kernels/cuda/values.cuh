// Numbers in registers and in memory: float32, bfloat16, and bytes of pixels.
#pragma once

#include <cmath>
#include <cstring>

#include "kernels/cuda/memory.h"

namespace nextframe {
namespace {

/// Bits of a bfloat16.
struct Bf16Value {
  uint16_t bits;
};

template <class To, class From>
NF_DEVICE To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof(to));
  return to;
}

// ---- IEEE arithmetic, each operation rounded by itself: the same bits on every machine

struct Exact {
  float value;
};
#if defined(__CUDACC__)
NF_DEVICE Exact operator+(Exact a, Exact b) { return {__fadd_rn(a.value, b.value)}; }
NF_DEVICE Exact operator-(Exact a, Exact b) { return {__fsub_rn(a.value, b.value)}; }
NF_DEVICE Exact operator*(Exact a, Exact b) { return {__fmul_rn(a.value, b.value)}; }
NF_DEVICE Exact operator/(Exact a, Exact b) { return {__fdiv_rn(a.value, b.value)}; }
NF_DEVICE Exact square_root(Exact a) { return {__fsqrt_rn(a.value)}; }
#else
NF_DEVICE Exact operator+(Exact a, Exact b) { return {a.value + b.value}; }
NF_DEVICE Exact operator-(Exact a, Exact b) { return {a.value - b.value}; }
NF_DEVICE Exact operator*(Exact a, Exact b) { return {a.value * b.value}; }
NF_DEVICE Exact operator/(Exact a, Exact b) { return {a.value / b.value}; }
NF_DEVICE Exact square_root(Exact a) { return {sqrtf(a.value)}; }
#endif

// ---- Conversions

NF_DEVICE float widened(float value) { return value; }
NF_DEVICE float widened(Bf16Value value) { return bits_as<float>(uint32_t{value.bits} << 16); }
/// To [-1, 1].
NF_DEVICE float widened(uint8_t pixel) {
  return (Exact{static_cast<float>(pixel)} / Exact{127.5f} - Exact{1.0f}).value;
}

NF_DEVICE void round_to(float& to, float value) { to = value; }
NF_DEVICE void round_to(Bf16Value& to, float value) {
  to.bits = static_cast<uint16_t>(ptx::cvt_pack(Bf16(), value, 0));
}

// ---- In memory

/// kCount neighbours by as few accesses as there may be; the first stands at a multiple of the
/// lesser of 16 and their bytes.
template <class T, int kCount>
NF_DEVICE void load_whole(float (&to)[kCount], const T* from) {
  constexpr int kBytes = kCount * sizeof(T) < 16 ? kCount * sizeof(T) : 16;
  constexpr int kEach = kBytes / static_cast<int>(sizeof(T));
  NF_UNROLL for (int i = 0; i < kCount; i += kEach) {
    const auto word = memory::load<typename memory::WordOf<kBytes>::Word>(from + i);
    T values[kEach];
    memcpy(values, &word, kBytes);
    NF_UNROLL for (int j = 0; j < kEach; ++j) to[i + j] = widened(values[j]);
  }
}
template <class T, int kCount>
NF_DEVICE void store_whole(T* to, const float (&from)[kCount]) {
  constexpr int kBytes = kCount * sizeof(T) < 16 ? kCount * sizeof(T) : 16;
  constexpr int kEach = kBytes / static_cast<int>(sizeof(T));
  NF_UNROLL for (int i = 0; i < kCount; i += kEach) {
    T values[kEach];
    NF_UNROLL for (int j = 0; j < kEach; ++j) round_to(values[j], from[i + j]);
    typename memory::WordOf<kBytes>::Word word;
    memcpy(&word, values, kBytes);
    memory::store(to + i, word);
  }
}

template <class T>
NF_DEVICE float load_one(const T* from) {
  float value[1];
  load_whole(value, from);
  return value[0];
}
template <class T>
NF_DEVICE void store_one(T* to, float value) {
  const float values[1] = {value};
  store_whole(to, values);
}

/// The same of at most kCount: `count` are there, the others are read as 0. kWhole says that all
/// are there and aligned.
template <bool kWhole, class T, int kCount>
NF_DEVICE void load_some(float (&to)[kCount], const T* from, int64_t count) {
  if constexpr (kWhole) {
    load_whole(to, from);
  } else {
    NF_UNROLL for (int i = 0; i < kCount; ++i) to[i] = i < count ? load_one(from + i) : 0.0f;
  }
}
template <bool kWhole, class T, int kCount>
NF_DEVICE void store_some(T* to, const float (&from)[kCount], int64_t count) {
  if constexpr (kWhole) {
    store_whole(to, from);
  } else {
    NF_UNROLL for (int i = 0; i < kCount; ++i) {
      if (i < count) store_one(to + i, from[i]);
    }
  }
}

/// Whether all may be read and written 16 bytes at a time. Null is.
template <class... Pointer>
bool are_aligned(const Pointer*... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % 16 == 0) && ...);
}

}  // namespace
}  // namespace nextframe
