// Finds the host that caused a failure, in what mpirun and the ranks printed.
#pragma once

#include <string>
#include <vector>

#include "launch/supervise/host_list.h"

namespace nextframe {

/// The hosts, among `hosts`, that caused a failure, according to `text`, the standard error of
/// one start. Tries in this order: a daemon that was lost or could not be started; the rank
/// that mpirun saw die by a signal; the rank that caused a hang; the ranks that printed an
/// error, if all are on one host (what all ranks say is no host's fault).
std::vector<std::string> hosts_to_blame(const std::string& text, const std::vector<Host>& hosts);

}  // namespace nextframe
