// This file is the column `pixels` of one open shard: whole chunks are fetched under HDF5's lock
// and checked and decoded outside it; layouts that are not ours go through plain H5Dread.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

#include "data/chunk_codec.h"
#include "data/h5.h"

namespace nextframe {

/// Frames [first, last) whose stored bytes are damaged; the message is the reason.
struct DamagedFrames : std::runtime_error {
  DamagedFrames(const std::string& reason, int64_t first_frame, int64_t last_frame)
      : std::runtime_error(reason), first(first_frame), last(last_frame) {}
  int64_t first, last;
};

class FrameColumn {
 public:
  /// Opens `pixels`: uint8 [T, H, W, C] or [T, H, W]. Throws DataError without the file's name.
  explicit FrameColumn(const H5File& file);

  int64_t num_frames() const { return num_frames_; }
  int64_t height_px() const { return height_px_; }
  int64_t width_px() const { return width_px_; }
  int64_t channels() const { return channels_; }
  int64_t frame_bytes() const { return height_px_ * width_px_ * channels_; }

  int64_t chunk_frames() const { return chunk_frames_; }  // 0: not stored in chunks of whole frames
  int64_t num_chunks() const;
  bool is_direct() const { return codec_.has_value(); }
  bool has_checksum() const { return codec_ && codec_->has_checksum(); }
  const std::string& layout() const { return layout_; }  // in words, for `data inspect`
  int64_t stored_bytes() const;

  /// Copies frames first, first + stride, ... (`count` of them) to `out`, or throws DamagedFrames.
  void read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;

  /// Reads and checks one chunk, or throws DamagedFrames.
  void check_chunk(int64_t chunk) const;

 private:
  struct StoredChunk;

  void read_layout();
  void read_direct(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;
  void read_plain(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;
  void read_rows(int64_t first, int64_t count, uint8_t* out) const;
  void decode_chunk(int64_t chunk, std::span<uint8_t> raw) const;

  H5Dataset dataset_;
  int64_t num_frames_ = 0, height_px_ = 0, width_px_ = 0, channels_ = 0;
  int64_t chunk_frames_ = 0;
  bool is_chunked_ = false;
  std::optional<ChunkCodec> codec_;  // none: through H5Dread
  std::string layout_;
};

}  // namespace nextframe
