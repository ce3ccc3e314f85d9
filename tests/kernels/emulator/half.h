// The two 16-bit float formats as bits, rounded to nearest even.
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/cuda/ptx.h"

namespace nextframe::emulator {

inline float widened(Bf16, uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

inline uint16_t rounded(Bf16, float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (value != value) return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float widened(Fp16, uint16_t bits) {
  return static_cast<float>(std::bit_cast<_Float16>(bits));
}
inline uint16_t rounded(Fp16, float value) {
  return std::bit_cast<uint16_t>(static_cast<_Float16>(value));
}

}  // namespace nextframe::emulator
