// Environment variables: the only place that reads what the launcher (mpirun, Slurm) left there.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace nextframe {

/// What mpirun or srun says about this process, before MPI is started.
struct LauncherEnvironment {
  bool has_mpi_launcher = false;  // mpirun, or srun with PMI: MPI can start here
  bool is_mpirun = false;
  int64_t rank = 0;           // as the launcher numbers it; 0 when alone
  int64_t local_rank = 0;     // among the ranks of this host; 0 when the launcher does not say
  int64_t size = 1;           // as the launcher says, or rank + 1 where it names no size
  int64_t slurm_tasks = 1;    // SLURM_NTASKS: what a Slurm job meant to start
  bool is_slurm_job = false;  // mpirun takes hosts and slots from Slurm
  std::string job;            // names this start of all ranks; "" when alone
  std::string slurm_nodes;    // SLURM_JOB_NODELIST: "node[01-03]"
  std::string slurm_tasks_per_node;     // SLURM_TASKS_PER_NODE: "8(x3)"
  std::optional<double> job_ends_in_s;  // when Slurm says when it kills the job
};

LauncherEnvironment read_launcher_environment();

/// NEXTFRAME_TEST_RANKS_PER_NODE: for tests, in which so many neighbouring ranks of one machine
/// take themselves for a node; 0 where it is not set.
int64_t test_ranks_per_node();

/// Variables by which libraries choose their kernels, and so bits: those that are set.
std::map<std::string, std::string> numerics_variables();

/// Of this machine; in every message about a rank.
std::string host_name();

}  // namespace nextframe
