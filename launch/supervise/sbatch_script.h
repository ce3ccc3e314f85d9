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
  int64_t notice_s = 120;     // between the request to save and the end
  bool use_srun = false;      // ranks started by srun, without a supervisor
  std::string apptainer{};    // an image file, or "": then nextframe is a program in it
  std::string pyxis{};        // an image as Pyxis names it, or ""
};

/// Containers are started by srun, a rank each: mpirun in one could not reach the other hosts.
bool uses_srun(const SbatchOptions& options);

/// `launch` are the words of "nextframe launch ... train ...", `train` those of "nextframe train
/// ...". A preempted job, and under srun a crashed one, is queued again.
std::string sbatch_script(const SbatchOptions& options, const std::vector<std::string>& launch,
                          const std::vector<std::string>& train);

/// The words as a shell reads them back.
std::string shell_words(const std::vector<std::string>& words);

}  // namespace nextframe
