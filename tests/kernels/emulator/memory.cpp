// The functions of kernels/cuda/memory.h on the emulated machine.
#include "kernels/cuda/memory.h"

#include <cstring>

#include "tests/kernels/emulator/machine.h"

namespace nextframe::memory {

using emulator::Machine;

template <class Word>
Word load(const void* from) {
  Word word;
  std::memset(&word, 0xFF, sizeof(word));  // NaN, whatever the format
  if (Machine::current().is_global(from, sizeof(word), "reads")) {
    std::memcpy(&word, from, sizeof(word));
  }
  return word;
}

template <class Word>
void store(void* to, Word word) {
  if (Machine::current().is_global(to, sizeof(word), "writes")) {
    std::memcpy(to, &word, sizeof(word));
  }
}

#define NF_WORD(Word)                    \
  template Word load<Word>(const void*); \
  template void store<Word>(void*, Word);
NF_WORD(uint8_t)
NF_WORD(uint16_t)
NF_WORD(uint32_t)
NF_WORD(Word2)
NF_WORD(ptx::Word4)
#undef NF_WORD

}  // namespace nextframe::memory
