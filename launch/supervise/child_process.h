// Runs a program, waits for it and, if it takes too long, kills it with everything that it started.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace nextframe {

struct ChildProcess {
  std::vector<std::string> words;  // program and arguments
  std::vector<std::pair<std::string, std::string>>
      variables;       // environment variables, unless they are set already
  std::string log;     // file for its output, overwritten
  double limit_s = 0;  // after which it is killed
};

struct ChildResult {
  int code = 0;  // its exit code, or 128 + the signal that ended it
  bool timed_out = false;
  bool is_interrupted = false;  // because `stop` returned true
};

/// Runs the program in its own process group, without standard input, and polls `stop` several
/// times a second. When this returns, no process of it is left. If this process is killed, the
/// kernel sends the child SIGTERM. Other children of this process are not touched. Throws
/// Throws EnvironmentError if it cannot be started.
ChildResult run_child(const ChildProcess& child, const std::function<bool()>& stop);

}  // namespace nextframe
