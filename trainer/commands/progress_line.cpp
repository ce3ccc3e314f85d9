#include "trainer/commands/progress_line.h"

#include <unistd.h>

#include <cstdio>

namespace nextframe {

ProgressLine::ProgressLine(std::string what, std::string unit)
    : what_(std::move(what)), unit_(std::move(unit)), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (is_open_) std::fputs("\n", stderr);
}

void ProgressLine::show(int64_t done, int64_t total) {
  const auto pause = is_terminal_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10);
  const auto now = Clock::now();
  if (now - last_ < pause && (done < total || !is_open_)) return;
  last_ = now;
  is_open_ = is_terminal_;
  std::fprintf(stderr, "%s%s %lld of %lld %s%s", is_terminal_ ? "\r" : "", what_.c_str(),
               static_cast<long long>(done), static_cast<long long>(total), unit_.c_str(),
               is_terminal_ ? "" : "\n");
  std::fflush(stderr);
}

}  // namespace nextframe
