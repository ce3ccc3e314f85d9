// This file is how `mpirun` has to be called for our ranks.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "launch/host_pool.h"

namespace nextframe {

struct MpirunOptions {
  std::string hosts{};         // a host file, or a list as mpirun reads it; "" is this machine.
                               // Asked only where a placement names no hosts
  bool oversubscribe = false;  // more ranks than slots, on hosts or in a Slurm job
  bool is_slurm_job = false;   // mpirun takes hosts and slots from Slurm
};

/// The words of the command that starts `command` on every rank of `place`. Its daemons notice
/// within 5 to 8 s that the network between them is cut, and outlast 4 s; by default they wait for
/// minutes.
std::vector<std::string> mpirun_words(const MpirunOptions& options, const Placement& place,
                                      const std::vector<std::string>& command);

/// Variables that mpirun and the ranks need, unless they are set already.
std::vector<std::pair<std::string, std::string>> mpirun_variables(const MpirunOptions& options,
                                                                  const Placement& place);

/// What mpirun says when it has fewer slots than ranks, in any version.
inline constexpr char kNoSlotsText[] = "not enough slots available";

}  // namespace nextframe
