// This file is what a launcher (mpirun, srun) says of this process in its environment, before MPI.
#pragma once

#include <cstdint>
#include <string>

namespace nextframe {

/// This process's number in the launched world; 0 for a process started alone.
int64_t launcher_rank();

/// Number of processes the launcher started; 1 for a process started alone. An sbatch script is
/// alone, whatever SLURM_NTASKS says: only a job step has several processes.
int64_t launcher_size();

/// The machine's name, for messages.
std::string host_name();

}  // namespace nextframe
