// How fast the machine of a plan is: measured here in a few seconds, or given.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

namespace nextframe {

struct MachineRates {
  double grain_s = 0;               // forward and backward of a grain on one rank, others idle
  double memory_bytes_per_s = 0;    // that one core reads and writes
  double exchange_bytes_per_s = 0;  // that a rank sends while all others send too
  double message_s = 20e-6;         // until a short message has arrived
  double disk_bytes_per_s = 0;      // of checkpoints, all ranks together
  int64_t cores_per_node = 1, ranks_per_node = 1, threads_per_rank = 1;
  double node_mtbf_s = 0;  // mean time between failures of one node; 0: none fails
  double restart_s = 0;    // from a failure until the run goes on
};

/// Ranks of one host send through memory: of the rate at which a core reads and writes, this
/// fraction was measured for the exchange of gradients (docs/scaling.md).
inline constexpr double kSendOverMemory = 0.2;

/// A core's rate of copying 64 MiB, bytes read and bytes written counted; the best of five.
double measure_memory_bytes_per_s();

/// The rate at which a file of 64 MiB in `folder` is written, flushed and read back past the page
/// cache, as checkpoints are; the median of three. It is removed again. Throws FileError.
double measure_disk_bytes_per_s(const std::filesystem::path& folder);

/// The median of up to seven runs after two to warm up; fewer once five seconds have gone.
double measure_grain_s(const std::function<void()>& grain);

}  // namespace nextframe
