// EnvironmentError: something is wrong with the machine or the launch (exit code 5).
#pragma once

#include <stdexcept>
#include <string>

namespace nextframe {

/// The message names the host or device, what was found, what is needed and what to do.
struct EnvironmentError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace nextframe
