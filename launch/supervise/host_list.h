// The hosts of a job and their slots, as people, host files and Slurm write them; and which host
// caused a failure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/environment.h"

namespace nextframe {

struct Host {
  std::string name;
  int64_t slots = 1;  // how many ranks it takes
};

bool operator==(const Host& a, const Host& b);

/// Parses "node1:8,node2", with 1 slot where no number is given, as in mpirun. Empty for what
/// only mpirun understands, such as "node1:*" or "+n0".
std::vector<Host> parse_host_list(const std::string& list);

/// Parses lines "node1 slots=8" and comments after '#'. Empty unless every host has slots.
std::vector<Host> parse_host_file(const std::string& text);

/// Parses SLURM_JOB_NODELIST "node[01-03,07],login" and SLURM_TASKS_PER_NODE "8(x4),4". Empty
/// if they do not match.
std::vector<Host> parse_slurm_hosts(const std::string& nodes, const std::string& tasks);

/// "node1:8,node2:1"
std::string to_host_list(const std::vector<Host>& hosts);

int64_t count_slots(const std::vector<Host>& hosts);

/// Whether two names mean one host, such as "node07" and "node07.cluster.example".
bool is_same_host(const std::string& a, const std::string& b);

/// The hosts of `named`, a host file or a list; if it is "", those of the Slurm job. Empty for
/// this machine alone, and where only mpirun can tell, as with a host file without slots.
std::vector<Host> job_hosts(const std::string& named, const LauncherEnvironment& environment);

/// The hosts, among `hosts`, that caused a failure, according to `text`, the standard error of
/// one start. Tries in this order: a daemon that was lost or could not be started; the rank
/// that mpirun saw die by a signal; the rank that caused a hang; the ranks that printed an
/// error, if all are on one host (what all ranks say is no host's fault).
std::vector<std::string> hosts_to_blame(const std::string& text, const std::vector<Host>& hosts);

}  // namespace nextframe
