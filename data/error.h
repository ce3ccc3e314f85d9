// This file is the errors of data: of everything that is wrong with a shard, with which the program
// exits with 3, and of files that the system does not let us read or write, with which it exits
// with 5.
#pragma once

#include <stdexcept>
#include <string>

namespace nextframe {

/// The message names the file, what was found, what is needed and what to do.
struct DataError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file that could not be read or written: a full disk, permissions, a disk that failed. The
/// message names the path and the operating system's reason.
struct FileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace nextframe
