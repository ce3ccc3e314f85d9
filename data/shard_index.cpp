#include "data/shard_index.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/checksum.h"
#include "data/durable_file.h"
#include "data/error.h"
#include "data/shard_reader.h"

namespace nextframe {
namespace {

constexpr const char* kFileName = "index.json";

nlohmann::ordered_json to_json(const IndexedShard& shard) {
  int64_t frames = 0;
  for (const int64_t length : shard.episode_frames) frames += length;
  return {{"path", shard.path},
          {"bytes", shard.bytes},
          {"xxh3_64", shard.xxh3},
          {"frames", frames},
          {"episodes", shard.episode_frames.size()},
          {"ep_len", shard.episode_frames}};
}

}  // namespace

const IndexedShard* ShardIndex::find(const std::filesystem::path& shard) const {
  std::error_code error;
  const auto relative = std::filesystem::relative(shard, folder, error).generic_string();
  const auto found = std::find_if(shards.begin(), shards.end(),
                                  [&](const auto& entry) { return entry.path == relative; });
  return found == shards.end() ? nullptr : &*found;
}

std::optional<ShardIndex> read_index(const std::filesystem::path& folder) {
  const auto path = folder / kFileName;
  if (!std::filesystem::exists(path)) return std::nullopt;
  ShardIndex index{folder, "", {}};
  try {
    const auto json = nlohmann::json::parse(read_text(path));
    index.generator = json.at("generator");
    for (const auto& shard : json.at("shards")) {
      index.shards.push_back(
          {shard.at("path"), shard.at("bytes"), shard.at("xxh3_64"), shard.at("ep_len")});
    }
  } catch (const nlohmann::json::exception& error) {
    throw DataError(path.string() + ": not an index of shards (" + error.what() +
                    "); delete it: shards are read without one");
  }
  return index;
}

std::optional<ShardIndex> index_of_shard(const std::filesystem::path& shard) {
  const auto folder = std::filesystem::absolute(shard).parent_path();
  for (const auto& candidate : {folder, folder.parent_path()}) {
    auto index = read_index(candidate);
    if (index && index->find(shard) != nullptr) return index;
  }
  return std::nullopt;
}

std::vector<std::filesystem::path> shards_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  if (!std::filesystem::is_directory(folder)) return paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".h5") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

ShardIndex scan_shards(const std::filesystem::path& folder, const std::string& generator) {
  ShardIndex index{folder, generator, {}};
  for (const auto& path : shards_below(folder)) {
    const ShardReader reader(path);
    index.shards.push_back({std::filesystem::relative(path, folder).generic_string(),
                            static_cast<int64_t>(std::filesystem::file_size(path)), file_xxh3(path),
                            reader.episode_frames()});
  }
  return index;
}

/// A line a shard: the lists of episodes would fill pages otherwise.
void write_index(const ShardIndex& index) {
  std::string text = "{\"format\": \"nextframe\", \"format_version\": \"1.0\",\n \"generator\": " +
                     nlohmann::json(index.generator).dump() + ",\n \"shards\": [";
  for (size_t i = 0; i < index.shards.size(); ++i) {
    text += (i == 0 ? "\n  " : ",\n  ") + to_json(index.shards[i]).dump();
  }
  write_durably(index.folder / kFileName, text + "]}\n");
}

}  // namespace nextframe
