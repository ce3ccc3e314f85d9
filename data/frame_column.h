// The frames of one open file: the rows of one dataset or of many, read as uint8 [T, H, W, C].
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/frame_dataset.h"

namespace nextframe {

/// What a look at all datasets of the frames has found, so that it need not be taken again when the
/// file is opened anew.
struct FrameFacts {
  std::vector<int64_t> first_rows;  // of each dataset, then the number of all rows
  int64_t height_px = 0, width_px = 0, channels = 0;
  int64_t num_pieces = 0, bytes_of_pieces = 0, stored_bytes = 0;
  bool has_checksum = true;
  std::string layout;       // in words
  std::string slow_reason;  // "" where single frames are read at full speed
};

class FrameColumn {
 public:
  /// Opens the frames of `table`: every dataset, unless the `facts` are `known`. `file` must
  /// outlive this. Throws DataError without the file's name.
  FrameColumn(const H5File& file, std::shared_ptr<const EpisodeTable> table,
              std::shared_ptr<const FrameFacts> known = nullptr);

  const std::shared_ptr<const FrameFacts>& facts() const { return facts_; }
  int64_t num_frames() const { return facts_->first_rows.back(); }
  int64_t height_px() const { return facts_->height_px; }
  int64_t width_px() const { return facts_->width_px; }
  int64_t channels() const { return facts_->channels; }
  int64_t frame_bytes() const { return height_px() * width_px() * channels(); }

  /// 0: no chunks of whole frames, or several datasets, or frames that are not stored as they are
  /// read.
  int64_t chunk_frames() const { return plain_ == nullptr ? 0 : plain_->chunk_rows(); }
  int64_t num_chunks() const;
  bool is_direct() const { return plain_ != nullptr && plain_->is_direct(); }
  bool has_checksum() const { return facts_->has_checksum; }
  const std::string& layout() const { return facts_->layout; }  // in words, for `data inspect`
  int64_t stored_bytes() const { return facts_->stored_bytes; }
  /// Whether a row of the frames is that row of the file's other columns.
  bool is_one_dataset() const { return facts_->first_rows.size() == 2; }

  /// Copies frames first, first + stride, ... (`count` of them) to `out`, or throws DamagedRows.
  void read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;

  /// One chunk of whole frames as it was before any filter, in memory that holds until this thread
  /// reads again; throws DamagedRows. For files with chunk_frames() > 0.
  std::span<const uint8_t> decode_chunk(int64_t chunk) const { return plain_->decode_chunk(chunk); }
  void expect_chunk_hashes(std::vector<int64_t> hashes);

  int64_t num_pieces() const { return facts_->num_pieces; }
  int64_t bytes_of_pieces() const { return facts_->bytes_of_pieces; }
  void add_stored(Hasher& hasher, int64_t max_pieces) const;
  int64_t frames_at_once(int64_t bytes) const;

 private:
  size_t num_datasets() const { return table_->frames.datasets.size(); }
  std::shared_ptr<FrameDataset> open(size_t dataset) const;
  void look_at_all();
  void add_facts(const FrameDataset& dataset, size_t number, FrameFacts& facts) const;
  size_t dataset_of(int64_t row) const;

  const H5File* file_;
  std::shared_ptr<const EpisodeTable> table_;
  std::shared_ptr<const FrameFacts> facts_;
  std::vector<std::shared_ptr<FrameDataset>> kept_;  // open, where there are not too many
  StoredRows* plain_ = nullptr;  // of the only one, where it needs no conversion
};

}  // namespace nextframe
