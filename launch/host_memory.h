// A caching allocator for CPU tensors: keeps freed blocks in large pages and reuses them.
#pragma once

#include <c10/core/Allocator.h>

namespace nextframe {

/// Keeps freed blocks by size and hands them out again, from regions with huge pages. A
/// training step needs the same blocks as the step before, so after the first step nothing is
/// allocated from the system; and with a few huge pages there are fewer TLB misses than with
/// thousands of small ones. Blocks above 64 MiB are returned to the system when freed.
/// Thread-safe; every block is 64-byte aligned. Throws c10::OutOfMemoryError instead of asking for
/// more than is free: the system would grant that, and kill the process once the memory is used.
c10::Allocator& pooled_host_memory();

/// Bytes that are free without swapping, by /proc/meminfo and by the limit of this process's
/// cgroup. If neither can be read, a number larger than any machine's memory.
int64_t host_memory_available_bytes();

/// Bytes allocated from the system since the program started.
int64_t host_memory_from_system_bytes();

/// Bytes of the blocks in use, each rounded up to its size class.
int64_t host_memory_in_use_bytes();

/// Peak bytes in use since the last call.
int64_t take_host_memory_peak_bytes();

/// Makes pooled_host_memory() LibTorch's allocator of CPU tensors. Does nothing under a sanitizer,
/// which needs the system's allocator.
void use_pooled_host_memory();

}  // namespace nextframe
