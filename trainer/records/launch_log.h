// launch.jsonl: one line for each start of a run and how it ended.
#pragma once

#include <filesystem>
#include <vector>

#include "launch/supervise/supervisor.h"

namespace nextframe {

class LaunchLog {
 public:
  explicit LaunchLog(std::filesystem::path run_folder) : run_folder_(std::move(run_folder)) {}

  /// Appends a line, or keeps it until training has made the run's folder.
  void append(const LaunchEvent& event);
  /// Writes kept lines once the folder is there.
  void flush();

 private:
  const std::filesystem::path run_folder_;
  std::vector<std::string> kept_;
};

}  // namespace nextframe
