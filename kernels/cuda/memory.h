// Access to the GPU's memory in kernel bodies, in aligned words of 1 to 16 bytes. Only declared for
// compilers other than nvcc: tests define it on the CPU, with bounds checks.
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
// Written out: the compiler takes a word of several apart, and not all of them are put together
// again.
template <>
NF_PTX Word2 load(const void* from) {
  Word2 w;
  asm volatile("ld.global.v2.b32 {%0, %1}, [%2];" : "=r"(w.word[0]), "=r"(w.word[1]) : "l"(from));
  return w;
}
template <>
NF_PTX ptx::Word4 load(const void* from) {
  ptx::Word4 w;
  asm volatile("ld.global.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w.word[0]), "=r"(w.word[1]), "=r"(w.word[2]), "=r"(w.word[3])
               : "l"(from));
  return w;
}
template <>
NF_PTX void store(void* to, Word2 w) {
  asm volatile("st.global.v2.b32 [%0], {%1, %2};" ::"l"(to), "r"(w.word[0]), "r"(w.word[1])
               : "memory");
}
template <>
NF_PTX void store(void* to, ptx::Word4 w) {
  ptx::st_global_v4(to, w);
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
