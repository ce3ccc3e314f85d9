// This file is the error of everything that is wrong with the machine or the launch; the program
// exits with 5.
#pragma once

#include <stdexcept>
#include <string>

namespace nextframe {

/// The message names the host or device, what was found, what is needed and what to do.
struct EnvironmentError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace nextframe
