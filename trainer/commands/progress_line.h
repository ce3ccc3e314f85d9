// The progress of a long command, on standard error: one redrawn line in a terminal, else a plain
// line every ten seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace nextframe {

class ProgressLine {
 public:
  /// "what 12 of 34 unit"
  ProgressLine(std::string what, std::string unit);
  ~ProgressLine();  // ends a redrawn line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(int64_t done, int64_t total);

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_, unit_;
  bool is_terminal_, is_open_ = false;
  Clock::time_point last_ = Clock::now();
};

}  // namespace nextframe
