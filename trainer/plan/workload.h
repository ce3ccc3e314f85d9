// The inputs of a plan: what a step of the run requires, and how fast the machine is (measured here
// in a few seconds, or given).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "data/batch.h"
#include "model/world_model.h"
#include "trainer/config/config.h"

namespace nextframe {

/// What Muon orthogonalises in a step: a parameter, which stays with one owner.
struct MuonTensor {
  int64_t elements = 0;
  double flops = 0;
};

struct Workload {
  int64_t parameters = 0;     // elements
  int64_t flat_elements = 0;  // of a flat buffer: with padding between tensors
  int64_t tensors = 0;
  int64_t grains = 1, clips_per_grain = 1;
  int64_t tokens_per_step = 0, frames_per_step = 0;
  double flops_per_grain = 0;    // 0: unknown
  int64_t activation_bytes = 0;  // of one grain; 0: not measured
  int64_t block_elements = 0;    // of the largest block of the trunk
  int64_t outside_elements = 0;  // of everything outside of blocks
  std::vector<MuonTensor> muon;  // in the order of names; none with AdamW alone
  bool has_average = false, is_strict = true;
  std::string shard = "none", shard_group = "world";
  int64_t first_bucket_bytes = 0, bucket_bytes = 0;
  int64_t steps = 0;
  int64_t checkpoint_every_steps = 1, checkpoints_kept = 2;

  int64_t flat_bytes() const { return flat_elements * int64_t{sizeof(float)}; }
  int64_t muon_elements() const;
  double muon_flops() const;
  /// Parameters, moments and the average, without padding.
  int64_t checkpoint_bytes() const {
    return (parameters * (has_average ? 4 : 3) - muon_elements()) * int64_t{sizeof(float)};
  }
};

Workload workload_of(const Config& config, const Model& model);

struct MachineRates {
  double grain_s = 0;               // forward and backward of a grain on one rank while others idle
  double muon_s = 0;                // to orthogonalise all that Muon updates, on one rank
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

/// Orthogonalises what Muon would in a step; the median of seven runs.
double measure_muon_s(const Model& model);

/// The median of seven runs (fewer after five seconds), after two to warm up.
double measure_grain_s(const std::function<void()>& grain);

}  // namespace nextframe
