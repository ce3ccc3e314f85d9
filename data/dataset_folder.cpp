#include "data/dataset_folder.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "data/checksum.h"
#include "data/durable_file.h"
#include "data/error.h"
#include "data/h5.h"
#include "data/shard_index.h"

namespace nextframe {
namespace {

constexpr std::array kSplits{"train", "validation"};

/// The command that made a shard, "" if it cannot be told.
std::string generator_of(const std::filesystem::path& shard) {
  try {
    return read_text_attribute(open_h5(shard), "generator").value_or("");
  } catch (const DataError&) {
    return "";
  }
}

}  // namespace

DatasetFolder::DatasetFolder(std::filesystem::path folder, std::string generator,
                             std::optional<std::string> replaced)
    : folder_(std::move(folder)), generator_(std::move(generator)), replaced_(std::move(replaced)) {
  std::error_code ignored;
  was_there_ = std::filesystem::exists(folder_, ignored);
  refuse_foreign_shards();
  for (const auto* split : kSplits) remove_unfinished(folder_ / split);
}

DatasetFolder::~DatasetFolder() {
  // One that holds something stays.
  for (const auto* split : kSplits) ::rmdir((folder_ / split).c_str());
  if (!was_there_) ::rmdir(folder_.c_str());
}

void DatasetFolder::refuse_foreign_shards() const {
  const auto refuse = [&](const std::filesystem::path& place, const std::string& maker) {
    throw DataError(place.string() + ": made by '" + (maker.empty() ? "another program" : maker) +
                    "', not by '" + generator_ +
                    "'; nothing is overwritten: choose another --out, or remove the folder");
  };
  const auto is_mine = [&](const std::string& maker) {
    return maker == generator_ || (replaced_ && maker.starts_with(*replaced_));
  };
  if (has_foreign_index(folder_)) refuse(folder_ / "index.json", "");
  const auto index = read_index(folder_);
  if (index && !is_mine(index->generator)) refuse(folder_ / "index.json", index->generator);
  for (const auto& shard : shards_below(folder_)) {
    const auto maker = generator_of(shard);
    const bool is_known = index && index->find(shard) != nullptr;
    if (!is_mine(maker) && !is_known) refuse(shard, maker);
  }
}

bool DatasetFolder::is_finished() const {
  const auto index = read_index(folder_);
  return index && index->generator == generator_ &&
         std::all_of(index->shards.begin(), index->shards.end(), [&](const auto& shard) {
           std::error_code error;
           const auto bytes = std::filesystem::file_size(folder_ / shard.path, error);
           return !error && static_cast<int64_t>(bytes) == shard.bytes;
         });
}

std::filesystem::path DatasetFolder::shard(const std::string& split, int64_t number) const {
  std::error_code error;
  std::filesystem::create_directories(folder_ / split, error);
  if (error) {
    throw DataError((folder_ / split).string() + ": cannot be made: " + error.message() +
                    "; choose another --out");
  }
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "shard-%05lld.h5", static_cast<long long>(number));
  return folder_ / split / name.data();
}

bool DatasetFolder::has(const std::filesystem::path& shard) const {
  if (!std::filesystem::exists(shard)) return false;
  const auto index = read_index(folder_);
  const auto* entry = index ? index->find(shard) : nullptr;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(shard));
  return generator_of(shard) == generator_ && (entry == nullptr || entry->bytes == bytes);
}

bool DatasetFolder::was_made_from_another(const SourceIdentity& now,
                                          const std::filesystem::path& source) const {
  const auto index = read_index(folder_);
  if (!index) return false;
  if (!index->source)
    return newest_change(source, folder_) >
           std::filesystem::last_write_time(folder_ / "index.json");
  if (index->source->stat == now.stat) return false;
  return index->source->content != hash_of_source(source, folder_);
}

std::string DatasetFolder::source() const {
  const auto index = read_index(folder_);
  return index && index->source ? describe(*index->source) : "";
}

void DatasetFolder::remove_shards() const {
  std::filesystem::remove(folder_ / "index.json");
  for (const auto& shard : shards_below(folder_)) std::filesystem::remove(shard);
}

void DatasetFolder::finish(std::optional<SourceIdentity> source) const {
  auto index = scan_shards(folder_, generator_);
  index.source = std::move(source);
  write_index(index);
}

std::string DatasetFolder::uuid() const {
  Hasher hasher;
  hasher.add(generator_);
  return hasher.digest();
}

}  // namespace nextframe
