// The console output of a run: a redrawn panel in a terminal, else plain lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "trainer/records/log_file.h"
#include "trainer/records/metrics_log.h"

namespace nextframe {

/// Writes to standard error on the root only, and on every rank to that rank's log, once it
/// has one. Neither can end a run: what cannot be written is left out.
class Console {
 public:
  explicit Console(bool is_root);

  /// Also appends every line, steps as plain ones, to `path`.
  void open_log(const std::filesystem::path& path);

  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// Prints a message (above the panel).
  void say(const std::string& line);

  /// The same, once for each text; "" says nothing. For faults that come again with every step.
  void say_once(const std::string& line);

  /// Shows the newest step, of `steps` in all.
  void show(const StepRecord& record, int64_t steps);

 private:
  std::string plain_line(const StepRecord& record, int64_t steps) const;
  std::string panel(const StepRecord& record, int64_t steps) const;
  std::string take_panel_away();
  void log(const std::string& line);
  void write(const std::string& text);

  bool is_root_, is_terminal_;
  bool is_read_ = true;  // by whoever reads standard error
  int panel_lines_ = 0;
  std::optional<LogFile> log_;
  std::set<std::string> told_;
};

/// 75 -> "1m 15s".
std::string format_duration(double seconds);

}  // namespace nextframe
