// Errors of data/: DataError for a bad shard (exit code 3), FileError for a file that the system
// cannot read or write (exit code 5).
#pragma once

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace nextframe {

/// The message names the file, what was found, what is needed and what to do.
struct DataError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file that holds something else than when it was opened: not damage that one could go on
/// without.
struct DataChanged : DataError {
  using DataError::DataError;
};

/// A file that could not be read or written: a full disk, permissions, a disk that failed. The
/// message names the path and the operating system's reason.
struct FileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `cannot WHAT PATH: ` and the system's reason, out of errno.
[[noreturn]] inline void throw_file_error(const std::string& what,
                                          const std::filesystem::path& path) {
  throw FileError("cannot " + what + " " + path.string() + ": " + std::strerror(errno));
}

}  // namespace nextframe
