// What launch/ knows of this machine for a bug report: library versions and environment variables.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace nextframe {

/// The first line of the MPI library's own name; does not start MPI.
std::string mpi_library();

/// "2.28.9", or why there is none.
std::string nccl_library();

/// Name and value of the environment variables that change how a job runs. Those that could hold a
/// secret are left out.
std::vector<std::pair<std::string, std::string>> relevant_environment();

}  // namespace nextframe
