// How fast the machine of a plan is: measured here in a few seconds, or given.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

namespace nextframe {

struct MachineRates {
  double grain_s = 0;               // forward and backward of a grain on one rank while others idle
  double memory_bytes_per_s = 0;    // that one core copies, reads and writes counted
  double exchange_bytes_per_s = 0;  // that a rank sends while all others send, too
  double message_s = 20e-6;         // latency of a short message
  double disk_bytes_per_s = 0;      // of checkpoints, all ranks together
  int64_t cores_per_node = 1, ranks_per_node = 1, threads_per_rank = 1;
  double node_mtbf_s = 0;  // mean time between failures of one node; 0: none fails
  double restart_s = 0;    // from a failure until the run goes on
};

/// Ranks of one host send through memory. This is the measured rate of a gradient exchange
/// relative to memory_bytes_per_s (docs/scaling.md).
inline constexpr double kSendOverMemory = 0.2;

/// Copies 64 MiB on one core, counting bytes read and written; the best of five.
double measure_memory_bytes_per_s();

/// Writes, flushes and reads back (past the page cache) a file of 64 MiB in `folder`, as
/// checkpoints are; the median of three. Removes the file. Throws FileError.
double measure_disk_bytes_per_s(const std::filesystem::path& folder);

/// The median of seven runs (fewer after five seconds), after two to warm up.
double measure_grain_s(const std::function<void()>& grain);

}  // namespace nextframe
