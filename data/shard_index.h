// index.json: the list of a dataset's shards with their sizes and hashes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

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

  /// The entry of a shard of this dataset, or nullptr.
  const IndexedShard* find(const std::filesystem::path& shard) const;
};

/// The index in `folder`, or nothing. Throws DataError if it cannot be understood.
std::optional<ShardIndex> read_index(const std::filesystem::path& folder);

/// The index in the shard's own folder or in the one above that lists it, or nothing.
std::optional<ShardIndex> index_of_shard(const std::filesystem::path& shard);

/// Reads every shard below `folder` (name order) and describes it.
ShardIndex scan_shards(const std::filesystem::path& folder, const std::string& generator);

/// Every *.h5 below `folder`, in name order; none if the folder is absent.
std::vector<std::filesystem::path> shards_below(const std::filesystem::path& folder);

void write_index(const ShardIndex& index);

}  // namespace nextframe
