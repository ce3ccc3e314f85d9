// One HDF5 dataset of frames, in whatever form somebody stored it, read as upright RGB or grey.
#pragma once

#include <optional>
#include <string>

#include "data/byte_lists.h"
#include "data/h5_group.h"
#include "data/layouts/layout.h"
#include "data/stored_rows.h"

namespace nextframe {

/// Whether a dataset has the type and shape of frames: uint8, and [T, H, W, C] or [T, C, H, W] with
/// C 1 or 3, or grey [T, H, W] of at least 8x8.
bool looks_like_frames(const H5Entry& entry);

/// Whether its rows are JPEG pictures: lists of bytes [T], or uint8 [T, bytes] that begin as one.
bool is_encoded_frames(const H5File& file, const std::string& path, const H5Entry& entry);

class FrameDataset {
 public:
  /// Opens and checks `name`; `is_one_frame`: it is [H, W, C] and one row. Throws DataError without
  /// the file's name.
  FrameDataset(const H5File& file, const std::string& name, const FrameForm& form,
               bool is_one_frame = false);

  int64_t num_frames() const { return num_frames_; }
  int64_t height_px() const { return height_px_; }
  int64_t width_px() const { return width_px_; }
  int64_t channels() const { return channels_; }
  int64_t frame_bytes() const { return height_px_ * width_px_ * channels_; }

  /// As they are stored, where that is as they are read: uint8 [T, H, W, C] or [T, H, W].
  const StoredRows* plain_rows() const { return is_plain_ ? &*rows_ : nullptr; }
  StoredRows* plain_rows() { return is_plain_ ? &*rows_ : nullptr; }
  const StoredRows& stored() const { return rows_ ? *rows_ : lists_->references(); }
  /// Hashes what is stored, as StoredRows does; of pictures, those of `max_pieces` rows.
  void add_stored(Hasher& hasher, int64_t max_pieces) const;
  int64_t num_pieces() const { return is_encoded() ? num_frames_ : stored().num_pieces(); }
  int64_t bytes_of_pieces() const;
  std::string layout() const;  // in words, for `data inspect`
  /// Why single frames are read slowly: "chunks of 125 frames"; "" if they are not.
  std::string slow_reason() const;

  /// Copies frames first, first + stride, ... (`count` of them) to `out`, or throws DamagedRows.
  void read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;

 private:
  bool is_encoded() const { return form_.is_encoded; }
  void find_axes();
  void find_picture_size();
  std::string picture_bytes(int64_t row) const;
  void read_picture(int64_t row, uint8_t* out) const;
  void to_upright_rgb(uint8_t* frame) const;

  std::string name_;
  FrameForm form_;
  bool is_one_frame_ = false, is_plain_ = false, is_channels_first_ = false;
  std::optional<StoredRows> rows_;
  std::optional<ByteLists> lists_;
  int64_t num_frames_ = 0, height_px_ = 0, width_px_ = 0, channels_ = 0;
};

}  // namespace nextframe
