// Finds the host that caused a failure, in what mpirun and the ranks printed.
#pragma once

#include <string>
#include <vector>

#include "launch/supervise/host_list.h"

namespace nextframe {

/// The hosts, of those in `hosts`, that `text` shows as the cause. `text` is the standard error of
/// one start. In this order, the first that finds any: a daemon that was lost or could not be
/// started; the rank that mpirun saw die by a signal; the rank that a hang is laid to; the rank
/// that printed an error, if ranks of one host only did: what all ranks say is no host's fault.
std::vector<std::string> hosts_to_blame(const std::string& text, const std::vector<Host>& hosts);

}  // namespace nextframe
