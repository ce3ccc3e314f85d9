// Hashes of what a shard holds. They decide whether data are the same; names, folders and times do
// not.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

class FrameColumn;

struct ShardIdentity {
  std::string name;  // of the file, for messages; not compared as content
  int64_t frames = 0, episodes = 0;
  std::array<int64_t, 3> frame_shape{};  // H, W, C
  std::string episode_hash{};            // lengths and first rows
  std::string action_hash{};             // "" without actions
  std::string checksum{};                // stored in the shard itself; "" if it has none
  std::string sample_hash{};  // 32 pieces of the stored frames, and the size of each piece
  std::string frames_hash{};  // every piece of the stored frames; "" where not asked for

  bool operator==(const ShardIdentity&) const = default;
};

std::string hash_of_episodes(const std::vector<int64_t>& lengths,
                             const std::vector<int64_t>& offsets);
std::string hash_of_actions(const at::Tensor& actions);

/// Fills in the hashes of frames: the sample, and all of them if `whole`.
void add_frame_hashes(ShardIdentity& identity, const FrameColumn& frames, bool whole);

/// Whether both hold the same, as far as is known of both.
bool is_same_content(const ShardIdentity& left, const ShardIdentity& right);

/// One line, and back; throws std::invalid_argument.
std::string to_line(const ShardIdentity& identity);
ShardIdentity parse_shard_identity(const std::string& line);

/// How the shards that are there now differ from those that were recorded.
struct DataDifference {
  std::vector<size_t> order;  // of those now: the recorded ones in their order, then the new ones
  std::vector<std::string> added;  // a line each: "s1.h5 (4 episodes, 160 frames)"
  std::vector<std::string> lost;   // "s0.h5 is not there", "s0.h5 has other frames"
  bool is_none() const { return added.empty() && lost.empty(); }
};

/// Shards are recognised by content. Among equal ones those of the same name go together.
DataDifference compare_shards(const std::vector<ShardIdentity>& recorded,
                              const std::vector<ShardIdentity>& now);

/// Names of the shards in `held_out` that hold the same as one that is trained on.
std::vector<std::string> shards_in_common(const std::vector<ShardIdentity>& trained_on,
                                          const std::vector<ShardIdentity>& held_out);

/// A sentence about them; "" where there are none. `name` is what a person calls the second set.
std::string describe_shards_in_common(const std::vector<ShardIdentity>& trained_on,
                                      const std::vector<ShardIdentity>& held_out,
                                      const std::string& name = "data.validation");

/// A sentence about shards that hold what one before them in the same set holds; "" where there are
/// none.
std::string describe_repeated_shards(const std::vector<ShardIdentity>& shards,
                                     const std::string& name);

}  // namespace nextframe
