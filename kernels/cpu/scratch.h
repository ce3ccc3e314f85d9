// Scratch memory of a thread, for one call of a kernel.
#pragma once

#include <cstdint>

namespace nextframe::cpu {

/// At least so many bytes, 64-byte aligned, valid until the thread's next call. The thread
/// keeps the memory and only grows it, so steps after the first allocate nothing.
void* scratch(int64_t bytes);

}  // namespace nextframe::cpu
