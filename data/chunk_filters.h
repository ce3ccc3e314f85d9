// The filters of stored chunks that we undo ourselves, outside HDF5: each fills memory whose size
// is known before, and reads and writes nothing beyond it, whatever the bytes are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace nextframe {

/// A chunk whose bytes are not what was written; the message is the reason, without the place.
struct DamagedChunk : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One step of a dataset's filter pipeline.
struct ChunkFilter {
  int id = 0;                         // registered with The HDF Group
  std::vector<unsigned> values = {};  // the filter's parameters
};

inline constexpr int kGzipFilterId = 1, kShuffleFilterId = 2, kFletcherFilterId = 3;
inline constexpr int kLzfFilterId = 32000, kBloscFilterId = 32001, kLz4FilterId = 32004,
                     kBitshuffleFilterId = 32008, kZstdFilterId = 32015;
inline constexpr size_t kFletcherBytes = 4;

/// No filter makes more bytes out of one: zstd's best is 128 KiB out of a block of 4.
inline constexpr int64_t kMaxChunkRatio = 1 << 16;

/// "gzip", "blosc2", ..., or "filter 32099".
std::string filter_name(int id);

/// Whether the filter is ours to undo, and whether it is one that compresses.
bool is_known_filter(int id);
bool is_compressor(int id);

/// Undoes a filter other than fletcher32: fills `raw` completely, or throws DamagedChunk.
void undo_filter(const ChunkFilter& filter, std::span<const uint8_t> stored,
                 std::span<uint8_t> raw);

/// The bytes before the little-endian fletcher32 at the end; throws DamagedChunk if it is wrong.
std::span<const uint8_t> strip_fletcher32(std::span<const uint8_t> stored);

}  // namespace nextframe
