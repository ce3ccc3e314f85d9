// The processes below this one: lists them, tells their state, and kills them all.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <set>
#include <vector>

namespace nextframe {

struct ProcessInfo {
  pid_t process = 0;
  pid_t parent = 0;
  char state = '?';  // as in /proc: R running, S sleeping, T stopped, Z ended
};

/// Information on one process; empty once it is gone.
std::optional<ProcessInfo> process_info(pid_t process);

/// All processes below `root`, parents before children.
std::vector<ProcessInfo> descendants(pid_t root);

std::set<pid_t> descendant_ids(pid_t root);

/// Whether `process` runs the same program file as this one.
bool runs_this_program(pid_t process);

/// Makes orphans below this process its own children instead of init's
/// (PR_SET_CHILD_SUBREAPER), so that descendants() of this process misses none.
void adopt_orphans();

/// Sends SIGKILL to every descendant of this process except `spared`, and reaps them, until
/// none is left or the limit has passed. Returns those that did not end because they are
/// blocked in the kernel.
std::vector<pid_t> kill_descendants(const std::set<pid_t>& spared, std::chrono::milliseconds limit);

}  // namespace nextframe
