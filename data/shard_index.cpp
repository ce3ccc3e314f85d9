#include "data/shard_index.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/checksum.h"
#include "data/durable_file.h"
#include "data/error.h"
#include "data/input_file.h"
#include "data/shard_reader.h"

namespace nextframe {
namespace {

constexpr const char* kFileName = "index.json";
constexpr auto kReplaceBadText = nlohmann::json::error_handler_t::replace;  // names are bytes
constexpr const char* kStart = "{\"format\": \"nextframe\"";

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

/// Absolute, without "." and "..", and without following links.
std::filesystem::path plain_path(const std::filesystem::path& path) {
  const auto whole = std::filesystem::absolute(path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

/// "" where there is none that can be read.
std::string text_of_index(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return "";
  try {
    return read_text(path);
  } catch (const FileError&) {
    return "";
  }
}

/// What cannot be parsed is ours if it begins as we write it.
bool is_our_index(const std::string& text, const nlohmann::json& json) {
  if (json.is_discarded()) return text.starts_with(kStart);
  return json.is_object() && json.contains("format") && json["format"] == "nextframe";
}

nlohmann::ordered_json to_json(const SourceIdentity& source) {
  return {{"files", source.files},
          {"bytes", source.bytes},
          {"stat", source.stat},
          {"xxh3_128", source.content}};
}

SourceIdentity source_from_json(const nlohmann::json& json) {
  return {json.at("files"), json.at("bytes"), json.at("stat"), json.at("xxh3_128")};
}

}  // namespace

/// By name, not by where links lead: the cache of a hub keeps its files elsewhere.
const IndexedShard* ShardIndex::find(const std::filesystem::path& shard) const {
  const auto relative = plain_path(shard).lexically_relative(plain_path(folder)).generic_string();
  const auto found = std::find_if(shards.begin(), shards.end(),
                                  [&](const auto& entry) { return entry.path == relative; });
  return found == shards.end() ? nullptr : &*found;
}

std::optional<ShardIndex> read_index(const std::filesystem::path& folder) {
  const auto path = folder / kFileName;
  const auto text = text_of_index(path);
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!is_our_index(text, json)) return std::nullopt;
  ShardIndex index{folder, "", {}};
  try {
    index.generator = json.at("generator");
    for (const auto& shard : json.at("shards")) {
      index.shards.push_back(
          {shard.at("path"), shard.at("bytes"), shard.at("xxh3_64"), shard.at("ep_len")});
    }
    if (json.contains("source")) index.source = source_from_json(json.at("source"));
  } catch (const nlohmann::json::exception& error) {
    throw DataError(path.string() + ": is damaged (" + json_reason(error) +
                    "); copy it again, or rename it: shards are read without one");
  }
  return index;
}

bool has_foreign_index(const std::filesystem::path& folder) {
  const auto path = folder / kFileName;
  if (!std::filesystem::exists(path)) return false;
  const auto text = text_of_index(path);
  return !is_our_index(text, nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false));
}

const ShardIndex* ShardIndexes::in(const std::filesystem::path& folder) {
  const auto [known, is_new] = known_.try_emplace(folder);
  if (is_new) known->second = read_index(folder);  // a damaged one throws once, then there is none
  return known->second ? &*known->second : nullptr;
}

const ShardIndex* ShardIndexes::listing(const std::filesystem::path& shard) {
  const auto folder = plain_path(shard).parent_path();
  for (const auto& candidate : {folder, folder.parent_path()}) {
    const auto* index = in(candidate);
    if (index != nullptr && index->find(shard) != nullptr) return index;
  }
  return nullptr;
}

std::vector<std::filesystem::path> shards_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(folder, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".h5") paths.push_back(entry->path());
  }
  if (error && error != std::errc::no_such_file_or_directory &&
      error != std::errc::not_a_directory) {
    throw FileError("cannot list " + folder.string() + ": " + error.message());
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
  std::string text = std::string(kStart) + ", \"format_version\": \"1.0\",\n \"generator\": " +
                     nlohmann::json(index.generator).dump(-1, ' ', false, kReplaceBadText);
  if (index.source) text += ",\n \"source\": " + to_json(*index.source).dump();
  text += ",\n \"shards\": [";
  for (size_t i = 0; i < index.shards.size(); ++i) {
    text += (i == 0 ? "\n  " : ",\n  ") +
            to_json(index.shards[i]).dump(-1, ' ', false, kReplaceBadText);
  }
  write_durably(index.folder / kFileName, text + "]}\n");
}

std::string as_utf8(const std::string& text) {
  return nlohmann::json::parse(nlohmann::json(text).dump(-1, ' ', false, kReplaceBadText));
}

}  // namespace nextframe
