// Reads a large file with direct I/O (past the page cache) where the file system allows it, so that
// the bytes come from the disk. Throws FileError.
#pragma once

#include <cstddef>
#include <filesystem>

#include "data/direct_file.h"

namespace nextframe {

/// A file, read from start to end.
class DirectReader {
 public:
  explicit DirectReader(std::filesystem::path path);
  ~DirectReader();
  DirectReader(const DirectReader&) = delete;
  DirectReader& operator=(const DirectReader&) = delete;

  /// The next bytes; an error when there are fewer.
  void read(void* data, size_t bytes);

 private:
  void read_block();

  std::filesystem::path path_;
  int descriptor_ = -1;
  AlignedBlock block_;
  size_t filled_bytes_ = 0, taken_bytes_ = 0;  // of the block
};

}  // namespace nextframe
