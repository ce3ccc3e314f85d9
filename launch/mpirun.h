// This file is how `mpirun` has to be called for our ranks.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nextframe {

struct MpirunOptions {
  std::string hosts{};         // a host file, or a list as mpirun reads it; "" is this machine
  bool oversubscribe = false;  // more ranks than slots, on hosts or in a Slurm job
  bool is_slurm_job = false;   // mpirun takes hosts and slots from Slurm
};

/// The words of the command that starts `num_ranks` times `command`. Its daemons notice within 5 to
/// 8 s that the network between them is cut, and outlast 4 s; by default they wait for minutes.
std::vector<std::string> mpirun_words(const MpirunOptions& options, int64_t num_ranks,
                                      const std::vector<std::string>& command);

/// Variables that mpirun and the ranks need, unless they are set already.
std::vector<std::pair<std::string, std::string>> mpirun_variables(const MpirunOptions& options,
                                                                  int64_t num_ranks);

/// What mpirun says when it has fewer slots than ranks, in any version.
inline constexpr char kNoSlotsText[] = "not enough slots available";

}  // namespace nextframe
