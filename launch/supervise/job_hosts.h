// This file is which hosts a supervised job may use.
#pragma once

#include <string>
#include <vector>

#include "launch/environment.h"
#include "launch/supervise/host_list.h"

namespace nextframe {

/// Those of `named`, a host file or a list; where it is "" Slurm's. Empty for this machine alone,
/// and where only mpirun can tell, as with a host file without slots.
std::vector<Host> job_hosts(const std::string& named, const LauncherEnvironment& environment);

}  // namespace nextframe
