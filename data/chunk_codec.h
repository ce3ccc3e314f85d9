// One stored chunk to its rows and back, outside HDF5 and so in as many threads as one likes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/chunk_filters.h"

namespace nextframe {

enum class Compression { none, gzip, zstd };

/// "none", "gzip" or "zstd"; anything else is std::invalid_argument that names the three.
Compression compression_from_name(const std::string& name);

/// The filters of an HDF5 dataset, if they are all ours to undo and at most one compresses. Our
/// own shards have one of zstd and gzip or neither, then fletcher32.
class ChunkCodec {
 public:
  explicit ChunkCodec(Compression compression, bool has_checksum = true);

  /// From the filters in the order of writing; nothing if they are not ours to decode.
  static std::optional<ChunkCodec> from_filters(std::vector<ChunkFilter> filters);

  /// HDF5 filter ids in the order of writing.
  std::vector<int> filter_ids() const;

  /// Whether fletcher32 is the last filter, and so guards all that is stored.
  bool has_checksum() const;

  /// Whether `stored_bytes` can be a chunk of `raw_bytes` at all; asked before memory is.
  bool can_hold(uint64_t stored_bytes, uint64_t raw_bytes, uint32_t filter_mask) const;

  /// With a codec that was made from a Compression.
  std::vector<uint8_t> encode(std::span<const uint8_t> raw) const;

  /// Fills `raw` completely, or throws DamagedChunk. A bit that is set in `filter_mask` says that
  /// the filter of that position was skipped when the chunk was written.
  void decode(std::span<const uint8_t> stored, uint32_t filter_mask, std::span<uint8_t> raw) const;

 private:
  explicit ChunkCodec(std::vector<ChunkFilter> filters) : filters_(std::move(filters)) {}
  size_t bytes_after(size_t filter, size_t raw_bytes, uint32_t filter_mask) const;

  std::vector<ChunkFilter> filters_;  // in the order of writing
};

}  // namespace nextframe
