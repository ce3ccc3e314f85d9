// Scratch memory of a thread, for one call of a kernel.
#pragma once

#include <cstdint>

namespace nextframe::cpu {

/// At least so many bytes, 64-byte aligned, until the thread asks again. Kept by the thread and
/// only ever grown: a step allocates nothing after the first.
void* scratch(int64_t bytes);

}  // namespace nextframe::cpu
