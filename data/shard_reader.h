// One shard for reading: ours, or an HDF5 file of any layout in data/layouts/.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/shard_actions.h"
#include "data/shard_file.h"
#include "data/shard_identity.h"

namespace nextframe {

struct KnownStamp;

/// Many threads may read at once. Only the files used last stay open; others are opened again when
/// they are read.
class ShardReader {
 public:
  /// Checks that the file is whole and its columns fit each other; DataError names the file.
  /// `expected_bytes` is the file's size in index.json, where there is one.
  explicit ShardReader(std::filesystem::path path, std::optional<int64_t> expected_bytes = {},
                       ReadAs read_as = {});
  ~ShardReader();
  ShardReader(ShardReader&&) noexcept;

  const std::filesystem::path& path() const { return path_; }
  /// Opens the file again if it was closed, so keep the result while reading.
  std::shared_ptr<const FrameColumn> frames() const;
  int64_t num_frames() const { return num_frames_; }
  const std::array<int64_t, 3>& frame_shape() const { return frame_shape_; }  // H, W, C
  int64_t num_pieces() const { return num_pieces_; }  // chunks or other units of stored frames
  int64_t bytes_of_pieces() const { return bytes_of_pieces_; }
  const std::vector<int64_t>& episode_frames() const { return episodes_.frames; }
  const std::vector<int64_t>& episode_offsets() const { return episodes_.offsets; }
  /// How the file was understood: whose layout it is, and where its frames and actions are.
  const EpisodeTable& table() const { return *table_; }
  /// "robomimic: frames obs/agentview_image, …"; "" for our own layout as it usually is.
  std::string describe_layout() const;
  /// Whether a row of the frames is that row of the file's other columns.
  bool has_columns() const { return table_->frames.datasets.size() == 1; }
  /// Why single frames are read slowly, "" if they are not.
  const std::string& slow_reason() const { return slow_reason_; }
  const std::string& dataset_uuid() const { return dataset_uuid_; }  // "" in foreign files
  /// The checksum that this shard stores over everything but its frames (data/shard_content.h),
  /// which was compared; "" in foreign files and in ours of format 1.0.
  const std::string& content() const { return content_; }

  /// As in ShardActions.
  const at::Tensor& actions() const { return actions_; }
  const ActionSpace& action_space() const { return action_space_; }
  /// Of the actions as they are stored; those of actions() are always `after`.
  ActionAlignment stored_alignment() const { return stored_alignment_; }

  /// Hashes what the shard holds (all frames if `whole`, else a sample), and from then on notices
  /// when the file is written to.
  const ShardIdentity& identify(bool whole);
  const ShardIdentity& identity() const { return identity_; }  // empty before identify()

  /// Copies frames first, first + stride, ... (`count` of them) to `out`. Throws DataError that
  /// names shard, chunk, frames and episode if the stored bytes are damaged, and DataChanged if the
  /// file holds something else than when it was identified.
  void read_frames(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;

  /// Reads and checks chunk `chunk`: "" or what is wrong with it, and where.
  std::string problem_of_chunk(int64_t chunk) const;

 private:
  void read_attributes(const OpenShardFile& opened);
  void check_is_complete(const OpenShardFile& opened) const;
  void read_episodes(const OpenShardFile& opened);
  void take_episodes(const OpenShardFile& opened);
  void check_episodes() const;
  void check_no_overlap() const;
  void check_content(const OpenShardFile& opened, const at::Tensor& actions);
  std::string episodes_of(int64_t first, int64_t last) const;
  std::string describe(const DamagedRows& damage, int64_t chunk_frames) const;
  std::shared_ptr<const OpenShardFile> reopen() const;
  void require_unchanged(const OpenShardFile& opened) const;

  std::filesystem::path path_;
  ShardFile file_;
  std::shared_ptr<const EpisodeTable> table_;
  std::string slow_reason_;
  int64_t num_frames_ = 0, num_pieces_ = 0, bytes_of_pieces_ = 0;
  std::array<int64_t, 3> frame_shape_{};
  EpisodeRanges episodes_;
  at::Tensor actions_;
  ActionSpace action_space_;
  ActionAlignment stored_alignment_ = ActionAlignment::after;
  bool is_ours_ = false;  // declares our format, which promises more than foreign files do
  std::string dataset_uuid_, content_;
  ShardIdentity identity_;
  std::unique_ptr<KnownStamp> known_;  // none before identify()
};

}  // namespace nextframe
