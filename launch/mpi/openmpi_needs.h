// What OpenMPI needs of this machine, looked at before it fails for the lack of it, and which of
// its parameters the user has chosen.
#pragma once

#include <cstdint>
#include <string>

namespace nextframe {

/// Whether the user has set the MCA parameter, as OMPI_MCA_<name> or in ~/.openmpi/mca-params.conf.
/// What is set there is never overwritten.
bool is_mca_set(const std::string& name);

/// "" where /dev/shm has room for the segments of so many ranks of this host, else a sentence.
std::string shared_memory_problem(int64_t num_local_ranks);

/// "" where mpirun can keep its session's files, in $TMPDIR or else /tmp; else a sentence with the
/// remedy.
std::string session_folder_problem();

}  // namespace nextframe
