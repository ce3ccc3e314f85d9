// The program's exit codes, the errors that carry them from anywhere below main, and the exit code
// of any exception.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

namespace nextframe {

enum class ExitCode : int {
  done = 0,
  internal = 1,
  usage = 2,  // or config
  data = 3,
  checkpoint = 4,
  environment = 5,
  numerics = 6,  // or `verify` failed
  memory = 7,
  preempted = 75,    // and saved: queue it again
  hang = 86,         // culprit named
  no_progress = 93,  // do not queue it again
  interrupted = 130  // and saved
};

/// An error with an exit code of its own. data/ throws DataError and launch/ EnvironmentError
/// instead; describe_failure() maps those to their codes.
class ExitError : public std::runtime_error {
 public:
  ExitError(ExitCode exit_code, const std::string& message)
      : std::runtime_error(message), code(exit_code) {}
  ExitCode code;
};

struct UsageError : ExitError {
  explicit UsageError(const std::string& message) : ExitError(ExitCode::usage, message) {}
};
struct CheckpointError : ExitError {
  explicit CheckpointError(const std::string& message) : ExitError(ExitCode::checkpoint, message) {}
};
struct NumericsError : ExitError {
  explicit NumericsError(const std::string& message) : ExitError(ExitCode::numerics, message) {}
};

struct Failure {
  ExitCode code;
  std::string message;     // without a backtrace
  bool is_placed = false;  // each line of the message already says where
};

/// Turns an exception into a code and a message. Errors of data, of the environment and
/// ExitErrors have their own codes, every way to run out of memory is ExitCode::memory, what the
/// system refuses (a file, a thread) is ExitCode::environment, and the rest is internal.
Failure describe_failure(const std::exception_ptr& exception);

}  // namespace nextframe
