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
  char state = '?';  // as the kernel writes it: R runs, S sleeps, T is stopped, Z has ended
};

/// One process; nothing once it is gone.
std::optional<ProcessInfo> process_info(pid_t process);

/// Everything below `root`, parents before their children.
std::vector<ProcessInfo> descendants(pid_t root);

std::set<pid_t> descendant_ids(pid_t root);

/// Whether `process` runs the same program file as this one.
bool runs_this_program(pid_t process);

/// From now on a process whose parent dies becomes this process's child instead of init's, whatever
/// its session or process group: descendants() of this process misses none.
void adopt_orphans();

/// SIGKILL to every descendant of this process but `spared`, until none is left or the limit has
/// passed. Reaps them. Returns those that would not end: they wait inside the kernel.
std::vector<pid_t> kill_descendants(const std::set<pid_t>& spared, std::chrono::milliseconds limit);

}  // namespace nextframe
