// One shard opened for reading: ours, or any HDF5 file with `pixels`, `ep_len` and `ep_offset`.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/action_space.h"
#include "data/frame_column.h"
#include "data/h5.h"

namespace nextframe {

/// Immutable after construction, so many threads may read.
class ShardReader {
 public:
  /// Checks that the file is whole and its columns fit each other; DataError names the file.
  /// `expected_bytes` is the file's size in index.json, where there is one.
  explicit ShardReader(std::filesystem::path path, std::optional<int64_t> expected_bytes = {});

  const std::filesystem::path& path() const { return path_; }
  const FrameColumn& frames() const { return frames_; }
  const std::vector<int64_t>& episode_frames() const { return episode_frames_; }
  const std::vector<int64_t>& episode_offsets() const { return episode_offsets_; }
  const std::string& dataset_uuid() const { return dataset_uuid_; }  // "" in foreign files
  /// The stored checksum of all that this shard says (data/shard_content.h), found to be right; ""
  /// in foreign files and in ours of format 1.0.
  const std::string& content() const { return content_; }

  /// int64 [T] discrete, float32 [T, A] continuous, undefined without actions.
  const at::Tensor& actions() const { return actions_; }
  /// As declared by the file, or by the enum that the actions are. Other discrete actions have
  /// width 0: the dataset counts them.
  const ActionSpace& action_space() const { return action_space_; }

  /// Copies frames first, first + stride, ... (`count` of them) to `out`. Throws DataError that
  /// names shard, chunk, frames and episode if the stored bytes are damaged.
  void read_frames(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;

  /// Reads and checks chunk `chunk`: "" or what is wrong with it, and where.
  std::string problem_of_chunk(int64_t chunk) const;

 private:
  void read_attributes();
  void check_is_complete() const;
  void read_episodes();
  void read_actions();
  void read_action_column(const std::string& name);
  void fit_action_space(const std::string& name, const ElementType& type);
  void check_choices(const std::string& name);
  void check_numbers(const std::string& name);
  void check_content();
  std::string episodes_of(int64_t first, int64_t last) const;
  std::string describe(const DamagedRows& damage) const;

  std::filesystem::path path_;
  H5File file_;
  FrameColumn frames_;
  std::vector<int64_t> episode_frames_, episode_offsets_;
  at::Tensor actions_, stored_actions_;
  ActionSpace action_space_;
  bool is_ours_ = false;  // declares our format, which promises more than foreign files do
  std::string dataset_uuid_, content_;
};

}  // namespace nextframe
