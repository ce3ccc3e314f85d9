// What an import was made from, so that a source that has changed since is noticed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace nextframe {

struct SourceIdentity {
  int64_t files = 0, bytes = 0;
  std::string stat;     // XXH3-128 over every file's name, size, inode and times
  std::string content;  // XXH3-128 over every file's name and bytes; see hash_of_source
};

/// Sizes and times of every file of a folder, or of the one file; leaves `content` empty. Left out
/// are hidden files and folders, which file managers leave behind, and `out`, in case shards are
/// written inside of the source.
SourceIdentity look_at_source(const std::filesystem::path& source,
                              const std::filesystem::path& out);

/// Reads the whole source. Takes as long as the disk needs, much less than an import.
std::string hash_of_source(const std::filesystem::path& source, const std::filesystem::path& out);

/// When the newest file of the source was written.
std::filesystem::file_time_type newest_change(const std::filesystem::path& source,
                                              const std::filesystem::path& out);

/// "3 files of 1024 bytes".
std::string describe(const SourceIdentity& source);

}  // namespace nextframe
