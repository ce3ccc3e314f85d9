// What launch/ knows of this machine for a bug report: library versions and environment variables.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace nextframe {

/// The first line of the MPI library's version string; does not start MPI.
std::string mpi_library();

/// NCCL's version, "2.28.9", or why it is missing.
std::string nccl_library();

/// Names and values of the environment variables that change how a job runs, except those that
/// might hold a secret.
std::vector<std::pair<std::string, std::string>> relevant_environment();

}  // namespace nextframe
