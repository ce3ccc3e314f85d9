// This file is what an exception means to the one who started the program: a code and a message.
#pragma once

#include <exception>
#include <string>

#include "trainer/exit_code.h"

namespace nextframe {

struct Failure {
  ExitCode code;
  std::string message;     // without a backtrace
  bool is_placed = false;  // each line of the message already says where
};

/// The failure that `exception` stands for. Errors of the data, the environment and ExitErrors have
/// codes of their own, every way to run out of memory is ExitCode::memory, the rest is internal.
Failure describe_failure(const std::exception_ptr& exception);

}  // namespace nextframe
