// Episodes into one shard, format v1: one HDF5 file, see docs/file-formats.md.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/action_space.h"
#include "data/chunk_codec.h"
#include "data/h5.h"
#include "data/recorded_episode.h"
#include "data/shard_content.h"

namespace nextframe {

/// What a shard says about itself, as root attributes.
struct ShardInfo {
  std::string dataset_uuid;
  int64_t shard_index = 0;
  int64_t fps = 0;  // 0: unknown
  ActionSpace action_space;
  std::string source;     // where the frames come from
  std::string license;    // of the frames
  std::string generator;  // the command that makes them again
  std::string world{};    // of simulated episodes: a WorldOrigin as JSON; "" for others
};

/// Frames of a chunk: about 96 KiB, so that a random clip decodes little that it does not need.
int64_t chunk_frames(int64_t frame_bytes);

/// Writes PATH.nextframe.tmp and renames it to PATH in finish(); without finish() nothing is left
/// behind. FileError where the system does not let it write.
class ShardWriter {
 public:
  ShardWriter(std::filesystem::path path, ShardInfo info, Compression compression);
  ~ShardWriter();
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  /// Every episode has the frame size, the kind of actions and the columns of the first one. A long
  /// one may come in parts, of which the last may have no frames.
  void append(const RecordedEpisode& episode);

  /// Writes the columns and the mark `complete`, syncs and renames.
  void finish();

 private:
  void remove_temporary() const;
  void create_pixels(const at::Tensor& frames_THWC);
  void check(const RecordedEpisode& episode) const;
  void write_chunks(bool with_rest);
  void write_columns();
  void write_attributes();
  void store(const std::vector<std::vector<uint8_t>>& chunks);

  std::filesystem::path path_, temporary_path_;
  ShardInfo info_;
  ChunkCodec codec_;
  std::optional<H5File> file_;
  std::optional<H5Dataset> pixels_;   // none before the first episode
  std::vector<int64_t> frame_shape_;  // H, W, C
  std::vector<uint8_t> waiting_;      // frames that do not fill a group of chunks yet
  std::vector<at::Tensor> actions_;   // one an episode
  std::map<std::string, std::vector<at::Tensor>> columns_;
  std::vector<int32_t> episode_frames_;
  int64_t num_frames_ = 0, chunk_frames_ = 0, stored_chunks_ = 0;
  bool is_inside_episode_ = false, is_finished_ = false;
  ShardContent content_;  // for its checksum, gathered on the way
};

}  // namespace nextframe
