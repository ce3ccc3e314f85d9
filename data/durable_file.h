// Writes files that survive a crash: write, fsync, rename into place, fsync of the folder.
// Everything here throws FileError.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace nextframe {

/// A new file, written from start to end. Closing it without finish() leaves whatever was written.
class DurableFile {
 public:
  /// Creates `path`, or empties it.
  explicit DurableFile(std::filesystem::path path);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void append(const void* data, size_t bytes);
  int64_t bytes_written() const { return bytes_written_; }

  /// fsync and close.
  void finish();

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t bytes_written_ = 0;
};

/// Flushes a file that a library wrote.
void sync_file(const std::filesystem::path& path);

/// Makes the names inside a folder durable.
void sync_folder(const std::filesystem::path& folder);

/// rename(2), then the folder of `to` flushed; `to` must not exist as a folder.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// What a file is named until it is whole. Only ours have such names: a person may keep a NAME.tmp.
std::filesystem::path unfinished_name(const std::filesystem::path& path);

/// Removes files with such names from a folder: what a writer that was killed has left there.
void remove_unfinished(const std::filesystem::path& folder);

/// `path` holds either its old content or all of `content`, whatever happens.
void write_durably(const std::filesystem::path& path, const std::string& content);

/// The whole content of a regular file of at most 4 GiB.
std::string read_text(const std::filesystem::path& path);

/// Like mkdir -p.
void make_folder(const std::filesystem::path& folder);

}  // namespace nextframe
