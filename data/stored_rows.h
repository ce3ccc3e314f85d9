// A dataset of an HDF5 file, seen as rows of stored bytes. All reading of HDF5 data goes through
// it.
//
// Type, extents, layout, filters and the places of the bytes are checked when it is opened, and no
// memory is allocated for more than the file can hold. Chunks are fetched under HDF5's lock and
// decoded outside of it. Rows that were never written, or that lie in a file that is gone, are an
// error, never a fill value.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/chunk_codec.h"
#include "data/h5.h"
#include "data/h5_type.h"

namespace nextframe {

class Hasher;

/// Rows [first, last) whose stored bytes are damaged; the message is the reason.
struct DamagedRows : std::runtime_error {
  DamagedRows(const std::string& reason, int64_t first_row, int64_t last_row)
      : std::runtime_error(reason), first(first_row), last(last_row) {}
  int64_t first, last;
};

class StoredRows {
 public:
  /// Opens a dataset of numbers, enums or booleans by its path. Throws DataError without the file's
  /// name.
  StoredRows(const H5File& file, const std::string& name)
      : StoredRows(file, name, 0, Elements::numbers) {}
  /// One of texts of a fixed length; their bytes are read.
  static StoredRows of_texts(const H5File& file, const std::string& name) {
    return {file, name, 0, Elements::texts};
  }
  /// One of lists of bytes (data/byte_lists.h), whose rows are the 16 bytes that say where each is.
  static StoredRows of_byte_lists(const H5File& file, const std::string& name) {
    return {file, name, 0, Elements::byte_lists};
  }

  const std::vector<int64_t>& shape() const { return shape_; }
  const ElementType& type() const { return type_; }
  int64_t num_rows() const { return shape_[0]; }
  int64_t row_bytes() const { return row_bytes_; }

  /// Rows of a chunk that holds whole rows, else 0.
  int64_t chunk_rows() const { return has_whole_rows_ ? chunk_[0] : 0; }
  bool is_chunked() const { return !chunk_.empty(); }
  bool is_direct() const { return has_whole_rows_ && codec_; }  // fetched and decoded by us alone
  bool has_checksum() const;                                    // all chunks, by fletcher32
  const std::string& layout() const { return layout_; }         // in words
  int64_t stored_bytes() const;

  /// Copies rows first, first + stride, ... (`count` of them) as stored, or throws DamagedRows.
  void read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;

  /// One chunk of whole rows as it was before any filter, what lies behind the last row too; in
  /// memory of this thread that holds until it reads again. Throws DamagedRows.
  std::span<const uint8_t> decode_chunk(int64_t chunk) const;

  /// From here on, chunks of whole rows must have these hashes (data/shard_content.h).
  void expect_chunk_hashes(std::vector<int64_t> hashes) { chunk_hashes_ = std::move(hashes); }

  /// What is stored, as hashes (data/stored_rows_hash.cpp): at most so many pieces (raw chunks, or
  /// groups of rows), spread evenly, and the sizes of all chunks.
  int64_t num_pieces() const;
  /// That are read for all pieces; rows that are not in chunks may lie in other files.
  int64_t bytes_of_pieces() const { return is_chunked() ? file_bytes_ : num_rows() * row_bytes_; }
  void add_stored(Hasher& hasher, int64_t max_pieces) const;

  /// About so many bytes of rows, in multiples of a chunk, for whoever reads all from first to
  /// last.
  int64_t rows_at_once(int64_t bytes) const;

 private:
  /// Rows of a virtual dataset that are rows of another one.
  struct Part {
    int64_t first, last, source_first;
    std::shared_ptr<const StoredRows> source;
  };

  struct ExternalPiece {
    std::filesystem::path path;
    int64_t offset, bytes;
  };

  enum class Elements { numbers, texts, byte_lists };
  StoredRows(const H5File& file, const std::string& name, int depth, Elements elements);
  void check_elements() const;
  void check_byte_lists() const;
  void read_shape();
  void read_chunking();
  void check_every_chunk_is_there() const;
  int64_t first_missing_row(int64_t there) const;
  void check_one_piece();
  void open_external_files();
  void open_parts(const H5File& file, int depth);
  Part open_part(const H5File& file, size_t mapping, int depth) const;

  void read_piece(int64_t first, int64_t count, uint8_t* out) const;
  void read_references(int64_t first, int64_t count, uint8_t* out) const;
  void read_external(int64_t first, int64_t count, uint8_t* out) const;
  void read_parts(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;
  void read_whole_row_chunks(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;
  void read_strided_tiles(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;
  void read_tiles(int64_t first, int64_t count, uint8_t* out) const;
  const uint8_t* decode_chunk(const std::vector<int64_t>& place, uint8_t* target = nullptr) const;
  uint32_t fetch_chunk(const std::vector<int64_t>& place, std::vector<uint8_t>& stored) const;

  std::string name_;
  Elements elements_;
  int64_t file_bytes_ = 0;
  std::filesystem::path path_;
  H5Dataset dataset_;
  H5Type stored_type_;
  H5PropertyList creation_;
  ElementType type_;
  std::vector<int64_t> shape_;
  int64_t row_bytes_ = 0;
  std::vector<int64_t> chunk_;  // extents; empty: not chunked
  int64_t chunk_bytes_ = 0;
  bool has_whole_rows_ = false;
  std::vector<ChunkFilter> filters_;
  std::optional<ChunkCodec> codec_;  // none: HDF5 undoes the filters
  std::vector<Part> parts_;          // of a virtual dataset, in the order of rows
  std::vector<ExternalPiece> external_;
  std::vector<int64_t> chunk_hashes_;  // empty: nothing to compare with
  std::string layout_;
};

}  // namespace nextframe
