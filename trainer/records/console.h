// The console output of a run: a redrawn panel in a terminal, else plain lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "trainer/records/metrics_log.h"

namespace nextframe {

/// Writes to standard error on the root only, and on every rank to that rank's log, once it
/// has one.
class Console {
 public:
  explicit Console(bool is_root);

  /// Also appends every line, steps as plain ones, to `path`. Throws FileError.
  void open_log(const std::filesystem::path& path);

  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// Prints a message (above the panel).
  void say(const std::string& line);

  /// Shows the newest step, of `steps` in all.
  void show(const StepRecord& record, int64_t steps);

 private:
  std::string plain_line(const StepRecord& record, int64_t steps) const;
  std::string panel(const StepRecord& record, int64_t steps) const;
  void clear_panel();
  void log(const std::string& line);

  bool is_root_, is_terminal_;
  int panel_lines_ = 0;
  std::ofstream log_;
};

/// 75 -> "1m 15s".
std::string format_duration(double seconds);

}  // namespace nextframe
