// Writes a large file with direct I/O (past the page cache) where the file system allows it, so
// that it evicts nothing else from memory. Throws FileError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace nextframe {

inline constexpr size_t kBlockBytes = size_t{8} << 20;  // larger ones are no faster

struct FreeBlock {
  void operator()(std::byte* block) const;
};
using AlignedBlock = std::unique_ptr<std::byte, FreeBlock>;

/// kBlockBytes of memory, aligned as disks ask for.
AlignedBlock make_aligned_block();

/// A new file, written from start to end. Closing it without finish() leaves whatever was written.
class DirectFile {
 public:
  /// Creates `path`, or empties it.
  explicit DirectFile(std::filesystem::path path);
  ~DirectFile();
  DirectFile(const DirectFile&) = delete;
  DirectFile& operator=(const DirectFile&) = delete;

  void append(const void* data, size_t bytes);
  int64_t bytes_appended() const { return bytes_appended_; }

  /// Writes the rest, fsync and close.
  void finish();

 private:
  void write_block();
  ssize_t write_some(const std::byte* next, size_t bytes);

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool is_direct_ = true;
  AlignedBlock block_;
  size_t filled_bytes_ = 0;  // of the block
  int64_t bytes_appended_ = 0;
};

}  // namespace nextframe
