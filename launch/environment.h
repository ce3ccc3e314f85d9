// Environment variables: the only place that reads what the launcher (mpirun, Slurm) left there.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace nextframe {

inline constexpr char kSupervisorVariable[] = "NEXTFRAME_SUPERVISOR";

/// What mpirun or srun says about this process before MPI starts.
struct LauncherEnvironment {
  bool has_mpi_launcher = false;  // mpirun, or srun with PMI: MPI can start here
  bool is_mpirun = false;
  int64_t rank = 0;           // the launcher's number; 0 without a launcher
  int64_t local_rank = 0;     // among the ranks of this host; 0 if unknown
  int64_t local_size = 1;     // ranks of this host, if mpirun says
  int64_t size = 1;           // from the launcher, or rank + 1 if it does not say
  int64_t slurm_tasks = 1;    // SLURM_NTASKS: how many a Slurm job meant to start
  bool is_slurm_job = false;  // mpirun takes hosts and slots from Slurm
  std::string job;            // an id of this start, the same on all ranks; "" without a launcher
  std::string slurm_nodes;    // SLURM_JOB_NODELIST: "node[01-03]"
  std::string slurm_tasks_per_node;     // SLURM_TASKS_PER_NODE: "8(x3)"
  std::optional<double> job_ends_in_s;  // if Slurm says when it will kill the job
  std::string
      unheeded;  // a sentence on a variable that is ignored, such as a time long past; or ""
  std::string supervisor;  // NEXTFRAME_SUPERVISOR: names the `nextframe launch` above; "" without
};

LauncherEnvironment read_launcher_environment();

/// NEXTFRAME_TEST_RANKS_PER_NODE, for tests on one machine: treat this many neighbouring ranks as
/// a node. 0 if it is not set.
int64_t test_ranks_per_node();

/// The environment variables that are set and change which kernels libraries choose, and so a run's
/// bits.
std::map<std::string, std::string> numerics_variables();

/// This machine's name, for messages about ranks.
std::string host_name();

}  // namespace nextframe
