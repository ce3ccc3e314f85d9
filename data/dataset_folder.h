// The folder that a dataset is made in: train/, validation/ and index.json. Never overwrites what
// something else made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "data/source_identity.h"

namespace nextframe {

/// Takes how much is done, of how much; the unit is the caller's.
using Progress = std::function<void(int64_t done, int64_t total)>;

class DatasetFolder {
 public:
  /// `generator` is the command that makes the data: equal text means equal data. Throws DataError
  /// if the folder holds shards of another one, unless that begins with `replaced`.
  DatasetFolder(std::filesystem::path folder, std::string generator,
                std::optional<std::string> replaced = {});
  ~DatasetFolder();  // takes away the folders it made that are still empty
  DatasetFolder(const DatasetFolder&) = delete;
  DatasetFolder& operator=(const DatasetFolder&) = delete;

  /// Whether the same command has finished here and every shard still has its size.
  bool is_finished() const;

  /// PATH of a shard, its folder made: train/shard-00000.h5 or validation/shard-00000.h5.
  std::filesystem::path shard(const std::string& split, int64_t number) const;

  /// Whether the shard is there already, whole, from an interrupted run of the same command.
  bool has(const std::filesystem::path& shard) const;

  /// Whether `now` holds something else than what the shards were made from. Hashes the source
  /// where size and times cannot tell; an index from before there was such a record goes by its own
  /// time.
  bool was_made_from_another(const SourceIdentity& now, const std::filesystem::path& source) const;

  /// "1 file of 92160 bytes", of what the shards were made from; "" where that is not recorded.
  std::string source() const;

  /// Removes the index, then the shards: what an interrupted run has left, or what is replaced.
  void remove_shards() const;

  /// Writes index.json: the last step.
  void finish(std::optional<SourceIdentity> source = {}) const;

  /// A name for the data that is the same wherever it is made.
  std::string uuid() const;

 private:
  void refuse_foreign_shards() const;

  std::filesystem::path folder_;
  std::string generator_;
  std::optional<std::string> replaced_;
  bool was_there_;
};

}  // namespace nextframe
