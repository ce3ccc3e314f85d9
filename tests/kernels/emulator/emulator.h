// A GPU emulated on the CPU, as a kernel's body sees it: defines the functions of
// kernels/cuda/ptx.h, and reports as an error what a GPU would forgive, or do wrong only sometimes.
//
// One fiber a CUDA thread, one block after another. Warps meet at warp-wide instructions, lanes
// that stay away are named. Shared memory starts as poison; a read of what nothing wrote, an access
// that no barrier orders behind another thread's, and bytes touched between a copy's start and its
// wait are faults, and so is memory outside of what the test handed over. Bulk copies and products
// of warp groups (kernels/cuda/ptx_hopper.h) end at random times or as late as they may, and see of
// threads' writes only what is fenced. There are no clocks: speed is measured on GPUs alone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nextframe::emulator {

/// Global memory that a kernel may touch.
struct Memory {
  const void* begin;
  int64_t bytes;
};

struct Grid {
  uint32_t blocks, threads;  // threads of a block: whole warps
  uint32_t shared_bytes;     // dynamic, of a block
  uint32_t seed = 0;         // of the times that copies take
};

struct Report {
  std::vector<std::string> faults;  // the first few
  int64_t bank_conflicts = 0;       // turns of all shared memory accesses beyond the first of each
  int64_t shared_accesses = 0;      // of whole warps
};

/// Runs the body for every thread. Ends early at a fault that leaves nothing to go on with.
Report run(const Grid& grid, const std::vector<Memory>& memory, const std::function<void()>& body);

}  // namespace nextframe::emulator
