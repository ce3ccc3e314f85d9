// Runs a program, waits for it and, if it takes too long, kills it with everything that it started.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace nextframe {

struct ChildProcess {
  std::vector<std::string> words;                              // program and arguments
  std::vector<std::pair<std::string, std::string>> variables;  // unless they are set already
  std::string log;     // file that takes what it prints; written anew
  double limit_s = 0;  // then it is killed
};

struct ChildResult {
  int code = 0;  // its exit code, or 128 + the signal that ended it
  bool timed_out = false;
  bool is_interrupted = false;  // `stop` said so
};

/// Runs it in a process group of its own, with nothing to read, and looks at `stop` several times a
/// second. Nothing of it is left when this returns; should this process be killed, the kernel sends
/// the child SIGTERM. Every other child of this process is left alone. EnvironmentError when it
/// cannot be started.
ChildResult run_child(const ChildProcess& child, const std::function<bool()>& stop);

}  // namespace nextframe
