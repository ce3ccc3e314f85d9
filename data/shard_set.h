// Opens all shards of one glob and checks that they belong together.
#pragma once

#include <string>
#include <vector>

#include "data/shard_reader.h"

namespace nextframe {

/// Opens every file that matches `glob` in the order of names (bytes, not the locale's). Throws
/// DataError for no match, a bad shard, or shards of different frames or actions.
std::vector<ShardReader> open_shards(const std::string& glob);

/// Reads what tells the shards from others: all stored frames where the set is small (1 GiB), else
/// a sample of each shard.
void identify(std::vector<ShardReader>& shards);

/// Actions of one frame as numbers: the declared width, or one more than the largest choice.
/// `expected` >= 0 is what another set has found, and must be enough for these shards.
int64_t common_action_width(const std::vector<ShardReader>& shards, int64_t expected);

/// Hash of what the shards hold, in their order.
std::string fingerprint_of(const std::vector<ShardReader>& shards);

/// What checkpoints had for a fingerprint before shards were known by content: a hash of names,
/// frame size, episodes and actions.
std::string old_fingerprint_of(const std::vector<ShardReader>& shards);

}  // namespace nextframe
