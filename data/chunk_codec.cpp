#include "data/chunk_codec.h"

#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <memory>

#include "data/checksum.h"
#include "data/zstd_filter.h"

namespace nextframe {
namespace {

constexpr int kGzipId = 1, kFletcherId = 3;  // HDF5's own numbers
constexpr int kZstdLevel = 3, kGzipLevel = 4;
constexpr size_t kChecksumBytes = 4;

/// A context costs more than a chunk, so each thread keeps one.
ZSTD_DCtx* zstd_decoder() {
  thread_local const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> decoder(ZSTD_createDCtx(),
                                                                                  &ZSTD_freeDCtx);
  return decoder.get();
}

std::vector<uint8_t> compress_zstd(std::span<const uint8_t> raw) {
  std::vector<uint8_t> stored(ZSTD_compressBound(raw.size()));
  const size_t bytes =
      ZSTD_compress(stored.data(), stored.size(), raw.data(), raw.size(), kZstdLevel);
  if (ZSTD_isError(bytes) != 0) throw std::runtime_error("zstd cannot compress a chunk");
  stored.resize(bytes);
  return stored;
}

std::vector<uint8_t> compress_gzip(std::span<const uint8_t> raw) {
  uLongf bytes = compressBound(raw.size());
  std::vector<uint8_t> stored(bytes);
  if (compress2(stored.data(), &bytes, raw.data(), raw.size(), kGzipLevel) != Z_OK) {
    throw std::runtime_error("zlib cannot compress a chunk");
  }
  stored.resize(bytes);
  return stored;
}

/// Bytes decoded into `raw`, or 0 if the stored bytes make no sense.
size_t decompress(Compression compression, std::span<const uint8_t> stored,
                  std::span<uint8_t> raw) {
  if (compression == Compression::zstd) {
    const size_t bytes =
        ZSTD_decompressDCtx(zstd_decoder(), raw.data(), raw.size(), stored.data(), stored.size());
    return ZSTD_isError(bytes) != 0 ? 0 : bytes;
  }
  if (compression == Compression::gzip) {
    uLongf bytes = raw.size();
    return uncompress(raw.data(), &bytes, stored.data(), stored.size()) == Z_OK ? bytes : 0;
  }
  if (stored.size() != raw.size()) return 0;
  std::memcpy(raw.data(), stored.data(), raw.size());
  return raw.size();
}

void append_checksum(std::vector<uint8_t>& stored) {
  const uint32_t sum = fletcher32(stored.data(), stored.size());
  for (int shift = 0; shift < 32; shift += 8) stored.push_back(static_cast<uint8_t>(sum >> shift));
}

/// The bytes before the little-endian sum at the end, if the sum is right.
std::span<const uint8_t> strip_checksum(std::span<const uint8_t> stored) {
  if (stored.size() < kChecksumBytes) throw DamagedChunk("it is too short to hold a checksum");
  const auto content = stored.first(stored.size() - kChecksumBytes);
  uint32_t expected = 0;
  for (size_t i = 0; i < kChecksumBytes; ++i) {
    expected |= static_cast<uint32_t>(stored[content.size() + i]) << (8 * i);
  }
  if (fletcher32(content.data(), content.size()) != expected) {
    throw DamagedChunk("its fletcher32 checksum does not match");
  }
  return content;
}

}  // namespace

Compression compression_from_name(const std::string& name) {
  if (name == "none") return Compression::none;
  if (name == "gzip") return Compression::gzip;
  if (name == "zstd") return Compression::zstd;
  throw std::invalid_argument("unknown filter '" + name + "' (known: zstd gzip none)");
}

ChunkCodec::ChunkCodec(Compression compression, bool has_checksum)
    : compression_(compression), has_checksum_(has_checksum) {}

std::optional<ChunkCodec> ChunkCodec::from_filters(const std::vector<int>& filter_ids) {
  for (const auto compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    for (const bool has_checksum : {false, true}) {
      const ChunkCodec codec(compression, has_checksum);
      if (codec.filter_ids() == filter_ids) return codec;
    }
  }
  return std::nullopt;
}

std::vector<int> ChunkCodec::filter_ids() const {
  std::vector<int> ids;
  if (compression_ == Compression::gzip) ids.push_back(kGzipId);
  if (compression_ == Compression::zstd) ids.push_back(kZstdFilterId);
  if (has_checksum_) ids.push_back(kFletcherId);
  return ids;
}

std::vector<uint8_t> ChunkCodec::encode(std::span<const uint8_t> raw) const {
  std::vector<uint8_t> stored;
  if (compression_ == Compression::zstd) stored = compress_zstd(raw);
  if (compression_ == Compression::gzip) stored = compress_gzip(raw);
  if (compression_ == Compression::none) stored.assign(raw.begin(), raw.end());
  if (has_checksum_) append_checksum(stored);
  return stored;
}

void ChunkCodec::decode(std::span<const uint8_t> stored, uint32_t filter_mask,
                        std::span<uint8_t> raw) const {
  const bool compressed = compression_ != Compression::none;
  const bool skipped_compression = compressed && (filter_mask & 1u) != 0;
  const bool skipped_checksum = (filter_mask >> (compressed ? 1 : 0) & 1u) != 0;
  if (has_checksum_ && !skipped_checksum) stored = strip_checksum(stored);
  const auto compression = skipped_compression ? Compression::none : compression_;
  if (decompress(compression, stored, raw) != raw.size()) {
    throw DamagedChunk("its bytes do not decompress to the chunk's size");
  }
}

}  // namespace nextframe
