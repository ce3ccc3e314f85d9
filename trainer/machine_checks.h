// Checks a machine and a folder before a run is started there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace nextframe {

struct MachineCheck {
  std::string what;   // "disk"
  std::string found;  // "write, fsync and rename of 4 MiB took 0.01 s"
  std::string fix;    // what to do; "" where all is well
};

/// Writes, flushes, renames and reads back a file in `folder`, and removes it.
MachineCheck check_disk(const std::filesystem::path& folder);

/// Checks that `folder` has room for checkpoints.
MachineCheck check_free_space(const std::filesystem::path& folder);

/// Compares this machine's clock with that of the file system of `folder`.
MachineCheck check_clock(const std::filesystem::path& folder);

/// Checks the limit of open files.
MachineCheck check_open_files();

/// What to know of `threads` CPU threads a rank that are more than this process may use cores; ""
/// where they are not.
std::string thread_note(int64_t threads);

std::vector<MachineCheck> check_machine(const std::filesystem::path& folder);

}  // namespace nextframe
