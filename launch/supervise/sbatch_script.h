// Writes the job script for Slurm: what to start, when to save, when to requeue.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

struct SbatchOptions {
  std::string name = "nextframe";
  std::string folder{};  // where the job starts
  int64_t num_ranks = 1;
  int64_t num_nodes = 1;
  int64_t cpus_per_rank = 1;
  int64_t gpus_per_node = 0;  // 0: ranks on CPUs
  int64_t notice_s = 120;     // between the request to save and the end of the job
  bool use_srun = false;      // srun starts the ranks, without a supervisor
  std::string apptainer{};    // an image file, or "": then nextframe is a program in it
  std::string pyxis{};        // an image as Pyxis names it, or ""
};

/// Whether srun starts the ranks. It does for containers, one for each rank: mpirun inside one
/// could not reach the other hosts.
bool uses_srun(const SbatchOptions& options);

/// `launch` is the command "nextframe launch ... train ...", `train` is "nextframe train ...".
/// A preempted job is requeued, and with srun a crashed one, too.
std::string sbatch_script(const SbatchOptions& options, const std::vector<std::string>& launch,
                          const std::vector<std::string>& train);

}  // namespace nextframe
