// Opens all shards of one glob and checks that they belong together.
#pragma once

#include <string>
#include <vector>

#include "data/shard_reader.h"

namespace nextframe {

/// Opens every file that matches `glob` in the order of names (bytes, not the locale's). Throws
/// DataError for no match, a bad shard, or shards of different frames or actions.
std::vector<ShardReader> open_shards(const std::string& glob, const ReadAs& read_as = {});

/// What a person should know of how the shards are read, a line each: whose layout it is where it
/// is not our own, and that a slow one can be repacked. `name` is what a person calls them:
/// "data.train".
std::vector<std::string> describe_reading(const std::vector<ShardReader>& shards,
                                          const std::string& name);

/// Throws DataError where they differ in the size of frames or the kind of actions.
void require_alike(const ShardReader& first, const ShardReader& other);

/// Hashes what the shards hold, so that a run recognises them: all stored frames if the set has at
/// most 1 GiB, else a sample of each shard.
void identify(std::vector<ShardReader>& shards);

/// The width of an action vector: as declared, or one more than the largest discrete action.
/// `expected` >= 0 is the training set's width; these shards must not need more.
int64_t common_action_width(const std::vector<ShardReader>& shards, int64_t expected);

/// One hash over what all shards hold, in their order.
std::string fingerprint_of(const std::vector<ShardReader>& shards);

/// The fingerprint in checkpoints of older programs: a hash of names, frame size, episodes and
/// actions.
std::string old_fingerprint_of(const std::vector<ShardReader>& shards);

}  // namespace nextframe
