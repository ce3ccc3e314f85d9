// Counter-based random numbers (kernels/base/philox.h), one register of Philox blocks at a time.
// Uses only additions, multiplications, divisions and roots, never fused, so every machine gives
// the same bits. Bound by arithmetic: about 30 operations for each normal. Private to each source
// file, see registers.h.
#pragma once

#include <type_traits>

#include "kernels/cpu/flat_loops.h"

namespace nextframe::cpu {
namespace {

using WideWords = uint64_t __attribute__((vector_size(8 * kLanes)));

/// Value i of kLanes blocks that follow each other.
struct PhiloxBlocks {
  Words value[4];

  NF_INLINE PhiloxBlocks(uint64_t key, uint64_t first_block) {
    Words lane;
    for (uint32_t i = 0; i < kLanes; ++i) lane[i] = i;
    value[0] = lane + static_cast<uint32_t>(first_block);  // a multiple of kLanes: no carry
    value[1] = Words{} + static_cast<uint32_t>(first_block >> 32);
    value[2] = value[3] = Words{};
    auto key_0 = static_cast<uint32_t>(key), key_1 = static_cast<uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      const WideWords product_0 = __builtin_convertvector(value[0], WideWords) * 0xD2511F53u;
      const WideWords product_1 = __builtin_convertvector(value[2], WideWords) * 0xCD9E8D57u;
      const Words next_0 = __builtin_convertvector(product_1 >> 32, Words) ^ value[1] ^ key_0;
      const Words next_2 = __builtin_convertvector(product_0 >> 32, Words) ^ value[3] ^ key_1;
      value[0] = next_0;
      value[1] = __builtin_convertvector(product_1, Words);
      value[2] = next_2;
      value[3] = __builtin_convertvector(product_0, Words);
      key_0 += 0x9E3779B9u;
      key_1 += 0xBB67AE85u;
    }
  }
};

/// 24 random bits in [0, 1).
NF_INLINE Floats uniform_of(Words bits) {
  return __builtin_convertvector((Signed)(bits >> 8), Floats) * 0x1p-24f;
}

/// log(x) for x in [2^-24, 1], relative error near 1e-7. Cephes' logf (Moshier 1989).
NF_INLINE Floats log_of(Floats x) {
  Signed exponent = (Signed)((Words)x >> 23) - 126;
  Floats m = (Floats)(((Words)x & 0x007FFFFFu) | 0x3F000000u);  // in [1/2, 1)
  const Signed is_small = m < 0.70710678f;
  exponent += is_small;  // -1 where true
  m = select(is_small, m + m, m) - 1.0f;
  const Floats e = __builtin_convertvector(exponent, Floats), z = m * m;
  Floats p = m * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const Floats tail = p * m * z - e * 2.12194440e-4f - z * 0.5f;
  return m + tail + e * 0.693359375f;
}

/// cos and sin of a full turn times u in [0, 1). The quarter is split off without error.
NF_INLINE void turn_of(Floats u, Floats& cosine, Floats& sine) {
  const Signed quarter = __builtin_convertvector(u * 4.0f + 0.5f, Signed);
  const Floats x = (u - __builtin_convertvector(quarter, Floats) * 0.25f) * 6.28318531f;
  const Floats z = x * x;
  const Floats s = ((z * -1.9515295891e-4f + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x + x;
  const Floats c =
      ((z * 2.443315711809948e-5f - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z -
      z * 0.5f + 1.0f;
  const Signed is_odd = (quarter & 1) != 0;
  const Words cosine_sign = (Words)((quarter + 1) & 2) << 30, sine_sign = (Words)(quarter & 2)
                                                                          << 30;
  cosine = (Floats)((Words)select(is_odd, s, c) ^ cosine_sign);
  sine = (Floats)((Words)select(is_odd, c, s) ^ sine_sign);
}

/// Interleaves the lanes of a and b: the first half of the result, and the second.
/// Vector holds words of 4 or 8 bytes.
template <class Vector>
NF_INLINE void interleave(Vector a, Vector b, Vector& first, Vector& second) {
  using Word = std::remove_reference_t<decltype(a[0])>;
  constexpr int kCount = static_cast<int>(sizeof(Vector) / sizeof(Word));
  Vector low, high;
#pragma GCC unroll 16
  for (int i = 0; i < kCount; ++i) {
    low[i] = static_cast<Word>(i % 2 * kCount + i / 2);
    high[i] = static_cast<Word>(low[i] + kCount / 2);
  }
  first = __builtin_shuffle(a, b, low);
  second = __builtin_shuffle(a, b, high);
}

/// Four registers, value i of each block, to blocks of four in memory.
NF_INLINE void store_blocks(float* to, const Floats (&value)[4]) {
  using LongWords = uint64_t __attribute__((vector_size(4 * kLanes)));
  Words half[2][2];
  interleave((Words)value[0], (Words)value[1], half[0][0], half[0][1]);
  interleave((Words)value[2], (Words)value[3], half[1][0], half[1][1]);
#pragma GCC unroll 2
  for (int part = 0; part < 2; ++part) {
    LongWords first, second;
    interleave((LongWords)half[0][part], (LongWords)half[1][part], first, second);
    store(to + (2 * part) * kLanes, first);
    store(to + (2 * part + 1) * kLanes, second);
  }
}

template <class Convert>
NF_INLINE void fill(uint64_t key, int64_t count, float* to, const Convert& convert) {
  for (int64_t first = 0; first < count; first += 4 * kLanes) {
    const PhiloxBlocks blocks(key, static_cast<uint64_t>(first) / 4);
    Floats value[4];
    convert(blocks, value);
    if (count - first >= 4 * kLanes) {
      store_blocks(to + first, value);
    } else {
      float some[4 * kLanes];
      store_blocks(some, value);
      std::memcpy(to + first, some, static_cast<size_t>(count - first) * sizeof(float));
    }
  }
}

void draw_uniforms(uint64_t key, int64_t count, float* to) {
  fill(key, count, to, [](const PhiloxBlocks& blocks, Floats(&value)[4]) NF_LAMBDA_INLINE {
    for (int i = 0; i < 4; ++i) value[i] = uniform_of(blocks.value[i]);
  });
}

/// Box and Muller (1958), two of a pair.
void draw_normals(uint64_t key, int64_t count, float* to) {
  fill(key, count, to, [](const PhiloxBlocks& blocks, Floats(&value)[4]) NF_LAMBDA_INLINE {
#pragma GCC unroll 2
    for (int pair = 0; pair < 4; pair += 2) {
      const Floats radius = square_root(log_of(1.0f - uniform_of(blocks.value[pair])) * -2.0f);
      turn_of(uniform_of(blocks.value[pair + 1]), value[pair], value[pair + 1]);
      value[pair] *= radius;
      value[pair + 1] *= radius;
    }
  });
}

}  // namespace
}  // namespace nextframe::cpu
