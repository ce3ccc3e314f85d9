#include "data/verify_dataset.h"

#include <algorithm>
#include <set>

#include "data/checksum.h"
#include "data/file_pattern.h"
#include "data/shard_index.h"
#include "data/shard_reader.h"
#include "data/verify_child.h"

namespace nextframe {
namespace {

constexpr int64_t kBytesAtOnce = 1 << 20;  // where frames are not stored in chunks of whole frames

/// Compares with index.json; true if there was something to compare with.
bool check_index(const std::filesystem::path& path, ShardIndexes& indexes, VerifyReport& report) {
  const auto* index = indexes.listing(path);
  if (index == nullptr) return false;
  const std::string hash = file_xxh3(path), expected = index->find(path)->xxh3;
  if (hash != expected) {
    report.problems.push_back(path.string() + ": its XXH3-64 is " + hash +
                              ", but index.json says " + expected +
                              "; copy or make the shard again");
  }
  return true;
}

void check_chunks(const ShardReader& shard, VerifyReport& report) {
  const auto opened = shard.frames();
  const FrameColumn& frames = *opened;
  for (int64_t chunk = 0; chunk < frames.num_chunks(); ++chunk) {
    const std::string problem = shard.problem_of_chunk(chunk);
    if (!problem.empty()) report.problems.push_back(problem);
  }
  report.chunks += frames.num_chunks();
  if (!frames.has_checksum()) report.chunks_unchecked += frames.num_chunks();
}

void check_rows(const ShardReader& shard, VerifyReport& report) {
  const auto opened = shard.frames();
  const FrameColumn& frames = *opened;
  const int64_t at_once = frames.frames_at_once(kBytesAtOnce);
  std::vector<uint8_t> memory;
  for (int64_t first = 0; first < frames.num_frames(); first += at_once) {
    const int64_t count = std::min(at_once, frames.num_frames() - first);
    memory.resize(static_cast<size_t>(count * frames.frame_bytes()));
    try {
      shard.read_frames(first, count, 1, memory.data());
    } catch (const DataError& error) {
      report.problems.emplace_back(error.what());
    }
    ++report.chunks;
    report.chunks_unchecked += frames.has_checksum() ? 0 : 1;
  }
}

void check_shard(const std::filesystem::path& path, const ReadAs& read_as, ShardIndexes& indexes,
                 VerifyReport& report) {
  try {
    check_h5_file(path);
    report.hashes += check_index(path, indexes, report) ? 1 : 0;
    const ShardReader shard(path, {}, read_as);
    report.frames += shard.num_frames();
    report.episodes += static_cast<int64_t>(shard.episode_frames().size());
    shard.frames()->num_chunks() > 0 ? check_chunks(shard, report) : check_rows(shard, report);
  } catch (const DataError& error) {
    report.problems.emplace_back(error.what());
  } catch (const FileError& error) {
    report.problems.emplace_back(error.what());
  }
}

void add(VerifyReport found, VerifyReport& report) {
  report.frames += found.frames;
  report.episodes += found.episodes;
  report.chunks += found.chunks;
  report.chunks_unchecked += found.chunks_unchecked;
  report.hashes += found.hashes;
  for (auto& problem : found.problems) report.problems.push_back(std::move(problem));
}

/// Shards that index.json lists in the folders of the given ones, but that are gone.
void check_missing(const std::vector<std::filesystem::path>& paths, ShardIndexes& indexes,
                   VerifyReport& report) {
  std::set<std::filesystem::path> folders;
  for (const auto& path : paths) {
    const auto folder = std::filesystem::absolute(path).lexically_normal().parent_path();
    if (!folders.insert(folder).second) continue;
    const auto* index = indexes.listing(path);
    if (index == nullptr) continue;
    for (const auto& shard : index->shards) {
      const auto place = index->folder / shard.path;
      if (place.parent_path() == folder && !std::filesystem::exists(place)) {
        report.problems.push_back(place.string() +
                                  ": is missing, but index.json lists it; copy or make it again");
      }
    }
  }
}

}  // namespace

VerifyReport verify_dataset(const std::string& glob, const Progress& progress, VerifyIn where,
                            const ReadAs& read_as) {
  const auto paths = matching_files(glob);
  VerifyReport report;
  report.shards = static_cast<int64_t>(paths.size());
  ShardIndexes indexes;
  try {
    check_missing(paths, indexes, report);
  } catch (const DataError& error) {
    report.problems.emplace_back(error.what());
  }
  size_t next = 0;
  const auto check = [&](size_t shard) {
    VerifyReport found;
    check_shard(paths[shard], read_as, indexes, found);
    return found;
  };
  const auto take = [&](VerifyReport found) {
    add(std::move(found), report);
    ++next;
    if (progress) progress(static_cast<int64_t>(next), report.shards);
  };
  const auto is_to_do = [&] { return next < paths.size(); };
  while (where == VerifyIn::children && is_to_do()) {
    const auto ending = verify_in_child(next, paths.size(), check, take);
    if (!ending) break;
    if (!is_to_do()) break;
    const bool has_name = ending->starts_with(paths[next].string());
    take({.problems = {has_name ? *ending : paths[next].string() + ": " + *ending}});
  }
  while (is_to_do()) take(check(next));
  return report;
}

}  // namespace nextframe
