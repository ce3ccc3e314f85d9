// The column `pixels` of one open shard: frames of bytes, in whatever layout they are stored.
#pragma once

#include <string>

#include "data/stored_rows.h"

namespace nextframe {

class FrameColumn {
 public:
  /// Opens `pixels`: uint8 [T, H, W, C] or [T, H, W]. Throws DataError without the file's name.
  explicit FrameColumn(const H5File& file);

  int64_t num_frames() const { return rows_.num_rows(); }
  int64_t height_px() const { return height_px_; }
  int64_t width_px() const { return width_px_; }
  int64_t channels() const { return channels_; }
  int64_t frame_bytes() const { return rows_.row_bytes(); }

  int64_t chunk_frames() const { return rows_.chunk_rows(); }  // 0: no chunks of whole frames
  int64_t num_chunks() const;
  bool is_direct() const { return rows_.is_direct(); }
  bool has_checksum() const { return rows_.has_checksum(); }
  const std::string& layout() const { return rows_.layout(); }  // in words, for `data inspect`
  int64_t stored_bytes() const { return rows_.stored_bytes(); }

  /// Copies frames first, first + stride, ... (`count` of them) to `out`, or throws DamagedRows.
  void read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
    rows_.read(first, count, stride, out);
  }

  /// One chunk of whole frames as it was before any filter, in memory that holds until this thread
  /// reads again; throws DamagedRows.
  std::span<const uint8_t> decode_chunk(int64_t chunk) const { return rows_.decode_chunk(chunk); }

  void expect_chunk_hashes(std::vector<int64_t> hashes) {
    rows_.expect_chunk_hashes(std::move(hashes));
  }
  int64_t num_pieces() const { return rows_.num_pieces(); }
  int64_t bytes_of_pieces() const { return rows_.bytes_of_pieces(); }
  void add_stored(Hasher& hasher, int64_t max_pieces) const {
    rows_.add_stored(hasher, max_pieces);
  }
  int64_t frames_at_once(int64_t bytes) const { return rows_.rows_at_once(bytes); }

 private:
  StoredRows rows_;
  int64_t height_px_ = 0, width_px_ = 0, channels_ = 0;
};

}  // namespace nextframe
