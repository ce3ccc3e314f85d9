#include "data/shard_set.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/checksum.h"
#include "data/file_pattern.h"
#include "data/shard_index.h"

namespace nextframe {
namespace {

using Kind = ActionSpace::Kind;

std::string frame_size(const ShardReader& shard) { return c10::Join("x", shard.frame_shape()); }

std::string kind_of(const ShardReader& shard) {
  const auto& space = shard.action_space();
  if (space.kind == Kind::none) return "no actions";
  if (space.kind == Kind::continuous) return c10::str(space.width, " numbers an action");
  if (space.kind == Kind::multi_binary) return c10::str(space.width, " buttons");
  return space.width > 0 ? c10::str("one of ", space.width, " actions") : "discrete actions";
}

/// The largest discrete action of a shard. Throws DataError if there is one below 0.
int64_t largest_action(const ShardReader& shard) {
  if (shard.actions().numel() == 0) return 0;
  if (shard.actions().min().item<int64_t>() < 0) {
    throw DataError(shard.path().string() +
                    ": column 'action' holds a negative integer; discrete "
                    "actions are 0 to A-1, other numbers must be stored as float32");
  }
  const auto largest = shard.actions().max().item<int64_t>();
  check_choice(largest, shard.path().string() + ": column 'action'");
  return largest;
}

}  // namespace

void require_alike(const ShardReader& first, const ShardReader& other) {
  const auto complain = [&](const std::string& got, const std::string& needed) {
    throw DataError(c10::str(other.path().string(), ": has ", got, ", but ", first.path().string(),
                             " has ", needed, "; one glob must match shards of one kind"));
  };
  if (frame_size(first) != frame_size(other)) {
    complain("frames of " + frame_size(other), frame_size(first));
  }
  if (kind_of(first) != kind_of(other)) complain(kind_of(other), kind_of(first));
  if (!are_names_alike(first.action_space(), other.action_space())) {
    complain("actions named " + names_of(other.action_space()),
             "actions named " + names_of(first.action_space()));
  }
}

std::vector<ShardReader> open_shards(const std::string& pattern, const ReadAs& read_as) {
  ShardIndexes indexes;
  std::vector<ShardReader> shards;
  for (const auto& path : matching_files(pattern)) {
    if (std::filesystem::is_directory(path)) {
      throw DataError(path.string() + ": is a folder; give a glob of files, for example '" +
                      path.string() + "/*.h5'");
    }
    const auto* index = indexes.listing(path);
    shards.emplace_back(
        path, index != nullptr ? std::optional(index->find(path)->bytes) : std::nullopt, read_as);
    require_alike(shards.front(), shards.back());
  }
  return shards;
}

std::vector<std::string> describe_reading(const std::vector<ShardReader>& shards,
                                          const std::string& name) {
  const auto& first = shards.front();
  const std::string others =
      shards.size() == 1 ? "" : c10::str(" (the first of ", shards.size(), " files)");
  std::vector<std::string> lines;
  const auto layout = first.describe_layout();
  if (!layout.empty()) lines.push_back(name + others + " is read as " + layout);
  if (!first.slow_reason().empty()) {
    const auto source = shards.size() == 1 ? first.path() : first.path().parent_path();
    lines.push_back(name + " is slow to read (" + first.slow_reason() + "); repack it with " +
                    "`nextframe data import " + (source.empty() ? "." : source.string()) +
                    " --out DIR`");
  }
  return lines;
}

int64_t common_action_width(const std::vector<ShardReader>& shards, int64_t expected) {
  const auto& space = shards.front().action_space();
  int64_t needed = space.width;
  if (space.kind == Kind::discrete) {
    check_choice(space.width - 1, shards.front().path().string() + ": by its action_space");
    for (const auto& shard : shards) {
      const int64_t largest = largest_action(shard);
      if (space.width > 0 && largest >= space.width) {
        throw DataError(c10::str(shard.path().string(), ": column 'action' holds ", largest,
                                 ", but its action_space has ", space.width, " actions (0 to ",
                                 space.width - 1, ")"));
      }
      needed = std::max(needed, largest + 1);
    }
  }
  const bool may_be_wider = space.kind == Kind::discrete && expected > needed;
  if (expected >= 0 && expected != needed && !may_be_wider) {
    throw DataError(c10::str(shards.front().path().string(), ": has ", needed,
                             " numbers or choices an action, the training data ", expected,
                             "; validate on data of the same actions"));
  }
  return std::max(expected, needed);
}

void identify(std::vector<ShardReader>& shards) {
  constexpr int64_t kMaxBytes = int64_t{1} << 30, kMaxPieces = 100000;
  int64_t bytes = 0, pieces = 0;
  for (const auto& shard : shards) {
    bytes += std::min(shard.bytes_of_pieces(), kMaxBytes + 1);
    pieces += std::min(shard.num_pieces(), kMaxPieces + 1);
  }
  for (auto& shard : shards) shard.identify(bytes <= kMaxBytes && pieces <= kMaxPieces);
}

std::string fingerprint_of(const std::vector<ShardReader>& shards) {
  Hasher hasher;
  for (const auto& shard : shards) {
    auto identity = shard.identity();
    identity.name.clear();
    hasher.add(to_line(identity));
  }
  return hasher.digest();
}

std::string old_fingerprint_of(const std::vector<ShardReader>& shards) {
  Hasher hasher;
  for (const auto& shard : shards) {
    hasher.add(shard.path().filename().string());
    hasher.add(shard.dataset_uuid());
    hasher.add(frame_size(shard));
    const auto& lengths = shard.episode_frames();
    hasher.add(c10::str(lengths.size(), " episodes"));
    hasher.add(lengths.data(), lengths.size() * sizeof(int64_t));
    if (shard.actions().defined()) {
      hasher.add(shard.actions().const_data_ptr(), shard.actions().nbytes());
    }
  }
  return hasher.digest();
}

}  // namespace nextframe
