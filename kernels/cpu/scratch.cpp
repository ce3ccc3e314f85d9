#include "kernels/cpu/scratch.h"

#include <c10/util/Exception.h>

#include <cstdlib>
#include <memory>

namespace nextframe::cpu {

void* scratch(int64_t bytes) {
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  static thread_local std::unique_ptr<void, Free> memory;
  static thread_local int64_t size = 0;
  if (bytes > size) {
    size = (bytes + 63) / 64 * 64;
    memory.reset(std::aligned_alloc(64, static_cast<size_t>(size)));
    TORCH_CHECK(memory != nullptr, "kernels: no memory for ", size, " bytes of scratch");
  }
  return memory.get();
}

}  // namespace nextframe::cpu
