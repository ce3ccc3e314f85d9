// launch.jsonl: one line for each start of a run and how it ended.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "launch/supervise/supervisor.h"
#include "trainer/records/log_file.h"

namespace nextframe {

class LaunchLog {
 public:
  LaunchLog(std::filesystem::path run_folder, LogFile::Tell tell)
      : run_folder_(std::move(run_folder)), tell_(std::move(tell)) {}

  /// Appends a line, or keeps it until training has made the run's folder.
  void append(const LaunchEvent& event);
  /// Writes kept lines once the folder is there.
  void flush();

 private:
  const std::filesystem::path run_folder_;
  const LogFile::Tell tell_;
  std::optional<LogFile> file_;
  std::vector<std::string> kept_;
};

}  // namespace nextframe
