// index.json: the list of a dataset's shards with their sizes and hashes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/source_identity.h"

namespace nextframe {

struct IndexedShard {
  std::string path;  // relative to the index's folder
  int64_t bytes = 0;
  std::string xxh3;  // XXH3-64 of the file
  std::vector<int64_t> episode_frames;
};

struct ShardIndex {
  std::filesystem::path folder;
  std::string generator;  // what made the dataset: the same text means the same data
  std::vector<IndexedShard> shards;
  std::optional<SourceIdentity> source{};  // what an import was made from

  /// The entry of a shard of this dataset, or nullptr.
  const IndexedShard* find(const std::filesystem::path& shard) const;
};

/// The index in `folder`, or nothing: an index.json of another program is none. Throws DataError if
/// it is ours and damaged.
std::optional<ShardIndex> read_index(const std::filesystem::path& folder);

/// Whether `folder` has an index.json that is not ours, and so must not be overwritten.
bool has_foreign_index(const std::filesystem::path& folder);

/// The index files near shards, each read once.
class ShardIndexes {
 public:
  /// The index in the shard's own folder or in the one above that lists it, or nullptr.
  const ShardIndex* listing(const std::filesystem::path& shard);

 private:
  const ShardIndex* in(const std::filesystem::path& folder);

  std::map<std::filesystem::path, std::optional<ShardIndex>> known_;  // by folder
};

/// Reads every shard below `folder` (name order) and describes it.
ShardIndex scan_shards(const std::filesystem::path& folder, const std::string& generator);

/// Every *.h5 below `folder`, in name order; none if the folder is absent.
std::vector<std::filesystem::path> shards_below(const std::filesystem::path& folder);

void write_index(const ShardIndex& index);

/// The same text with bytes replaced that are not UTF-8: a path may have any, JSON may not.
std::string as_utf8(const std::string& text);

}  // namespace nextframe
