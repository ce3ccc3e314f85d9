// A shard's file, open while it is among those used last, so that there may be more shards than the
// system lets a process open files.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "data/frame_column.h"

namespace nextframe {

/// Of an open file: what changes when somebody writes to it.
struct FileStamp {
  int64_t bytes = 0;
  int64_t written_ns = 0;  // since 1970

  bool operator==(const FileStamp&) const = default;
};

/// How a file is read, and what was found when it was opened for the first time.
struct ShardPlan {
  ReadAs read_as = {};
  std::shared_ptr<const EpisodeTable> table = nullptr;
  std::shared_ptr<const FrameFacts> facts = nullptr;
};

struct OpenShardFile {
  OpenShardFile(const std::filesystem::path& path, const ShardPlan& plan);

  FileStamp stamp() const;  // as it is now; the same for ever without a descriptor

  H5File file;
  std::shared_ptr<const EpisodeTable> table;
  FrameColumn frames;
  int descriptor = -1;  // HDF5's own; -1 where it goes through another driver
  std::list<std::shared_ptr<OpenShardFile>>::iterator place{};  // among those that are open
};

/// Safe to use from many threads, none of which may hold an H5Lock.
class ShardFile {
 public:
  explicit ShardFile(std::filesystem::path path, ReadAs read_as = {})
      : path_(std::move(path)), plan_{std::move(read_as)} {}
  ~ShardFile();
  ShardFile(ShardFile&&) noexcept = default;

  /// Opens the file if it is closed. It stays open as long as the result is held.
  std::shared_ptr<const OpenShardFile> open() const;

  /// From here on, chunks of frames must have these hashes, however often the file is opened. Not
  /// while others read.
  void expect_chunk_hashes(std::vector<int64_t> hashes);

 private:
  std::filesystem::path path_;
  std::vector<int64_t> chunk_hashes_;
  mutable ShardPlan plan_;
  mutable std::weak_ptr<OpenShardFile> opened_;
};

/// How many shards stay open: half of the files that the process may open, at most 4096. The first
/// call raises that limit as far as the system allows.
int64_t max_open_shards();

/// For tests: another number; 0 for the usual one.
void set_max_open_shards(int64_t count);

}  // namespace nextframe
