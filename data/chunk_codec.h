// This file is one stored chunk to its frames and back, outside HDF5 and so in as many threads as
// one likes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace nextframe {

enum class Compression { none, gzip, zstd };

/// "none", "gzip" or "zstd"; anything else is std::invalid_argument that names the three.
Compression compression_from_name(const std::string& name);

/// A chunk whose bytes are not what was written; the message is the reason, without the place.
struct DamagedChunk : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The filters of an HDF5 dataset of bytes, if they are among ours: at most one of zstd and gzip,
/// then at most fletcher32.
class ChunkCodec {
 public:
  explicit ChunkCodec(Compression compression, bool has_checksum = true);

  /// From HDF5 filter ids in the order of writing; nothing if they are not ours to decode.
  static std::optional<ChunkCodec> from_filters(const std::vector<int>& filter_ids);

  /// HDF5 filter ids in the order of writing.
  std::vector<int> filter_ids() const;

  bool has_checksum() const { return has_checksum_; }

  std::vector<uint8_t> encode(std::span<const uint8_t> raw) const;

  /// Fills `raw` completely, or throws DamagedChunk. A bit that is set in `filter_mask` says that
  /// the filter of that position was skipped when the chunk was written.
  void decode(std::span<const uint8_t> stored, uint32_t filter_mask, std::span<uint8_t> raw) const;

 private:
  Compression compression_;
  bool has_checksum_;
};

}  // namespace nextframe
