// This file is the error of everything that is wrong with a shard; the program exits with 3.
#pragma once

#include <stdexcept>
#include <string>

namespace nextframe {

/// The message names the file, what was found, what is needed and what to do.
struct DataError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace nextframe
