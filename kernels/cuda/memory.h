// This file is how bodies of kernels touch the GPU's memory: in words of 1 to 16 bytes, each at an
// address that is a multiple of its size. Like kernels/cuda/ptx.h declarations alone for any other
// compiler than nvcc: tests define them on the CPU, with bounds.
#pragma once

#include "kernels/cuda/ptx.h"

namespace nextframe::memory {

struct alignas(8) Word2 {
  uint32_t word[2];
};

template <class Word>
NF_PTX Word load(const void* from);
template <class Word>
NF_PTX void store(void* to, Word word);

#if defined(__CUDACC__)
template <class Word>
NF_PTX Word load(const void* from) {
  return *static_cast<const Word*>(from);
}
template <class Word>
NF_PTX void store(void* to, Word word) {
  *static_cast<Word*>(to) = word;
}
#endif

/// The word of so many bytes.
template <int kBytes>
struct WordOf;
template <>
struct WordOf<1> {
  using Word = uint8_t;
};
template <>
struct WordOf<2> {
  using Word = uint16_t;
};
template <>
struct WordOf<4> {
  using Word = uint32_t;
};
template <>
struct WordOf<8> {
  using Word = Word2;
};
template <>
struct WordOf<16> {
  using Word = ptx::Word4;
};

}  // namespace nextframe::memory
