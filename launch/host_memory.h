// A caching allocator for CPU tensors: keeps freed blocks in large pages and reuses them.
#pragma once

#include <c10/core/Allocator.h>

namespace nextframe {

/// Keeps freed blocks by size and hands them out again, from regions that ask for large pages. A
/// training step needs the same blocks as the step before, so after the first it asks the system
/// for nothing; and its tensors lie in a few large pages instead of thousands of small ones, whose
/// addresses the processor cannot all remember. Blocks above 64 MiB go back to the system when they
/// are freed. Thread-safe; every block is 64-byte aligned.
c10::Allocator& pooled_host_memory();

/// Bytes that it has asked the system for since the program started.
int64_t host_memory_from_system_bytes();

/// Bytes of the blocks that are handed out now, each rounded up to the size that it was given.
int64_t host_memory_in_use_bytes();

/// The most that were handed out at once since the last call.
int64_t take_host_memory_peak_bytes();

/// Makes it LibTorch's allocator of CPU tensors. Does nothing under a sanitizer, which needs the
/// system's.
void use_pooled_host_memory();

}  // namespace nextframe
