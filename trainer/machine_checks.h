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

/// Room for checkpoints in `folder`.
MachineCheck check_free_space(const std::filesystem::path& folder);

/// This machine's clock against the one of the file system of `folder`.
MachineCheck check_clock(const std::filesystem::path& folder);

/// Files that may be open at once.
MachineCheck check_open_files();

std::vector<MachineCheck> check_machine(const std::filesystem::path& folder);

}  // namespace nextframe
