#include "data/chunk_codec.h"

#include <c10/util/StringUtil.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "data/checksum.h"

namespace nextframe {
namespace {

constexpr int kZstdLevel = 3, kGzipLevel = 4;
constexpr size_t kMaxFilters = 32;  // bits of a chunk's filter mask

/// Memory of a reader thread, kept because chunks come by the thousand.
std::vector<uint8_t>& step_memory(size_t step) {
  thread_local std::array<std::vector<uint8_t>, 2> memory;
  return memory[step % 2];
}

bool is_skipped(uint32_t filter_mask, size_t filter) { return (filter_mask >> filter & 1U) != 0; }

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

void append_checksum(std::vector<uint8_t>& stored) {
  const uint32_t sum = fletcher32(stored.data(), stored.size());
  for (int shift = 0; shift < 32; shift += 8) stored.push_back(static_cast<uint8_t>(sum >> shift));
}

}  // namespace

Compression compression_from_name(const std::string& name) {
  if (name == "none") return Compression::none;
  if (name == "gzip") return Compression::gzip;
  if (name == "zstd") return Compression::zstd;
  throw std::invalid_argument("unknown filter '" + name + "' (known: zstd gzip none)");
}

ChunkCodec::ChunkCodec(Compression compression, bool has_checksum) {
  if (compression == Compression::gzip) filters_.push_back({kGzipFilterId});
  if (compression == Compression::zstd) filters_.push_back({kZstdFilterId});
  if (has_checksum) filters_.push_back({kFletcherFilterId});
}

std::optional<ChunkCodec> ChunkCodec::from_filters(std::vector<ChunkFilter> filters) {
  int64_t num_compressors = 0;
  for (const auto& filter : filters) {
    if (!is_known_filter(filter.id)) return std::nullopt;
    num_compressors += is_compressor(filter.id) ? 1 : 0;
  }
  if (num_compressors > 1 || filters.size() > kMaxFilters) return std::nullopt;
  return ChunkCodec(std::move(filters));
}

std::vector<int> ChunkCodec::filter_ids() const {
  std::vector<int> ids;
  for (const auto& filter : filters_) ids.push_back(filter.id);
  return ids;
}

bool ChunkCodec::has_checksum() const {
  return !filters_.empty() && filters_.back().id == kFletcherFilterId;
}

bool ChunkCodec::can_hold(uint64_t stored_bytes, uint64_t raw_bytes, uint32_t filter_mask) const {
  const uint64_t overhead = 4096 + raw_bytes / 2;  // of a compressor that made a chunk larger
  bool is_compressed = false;
  for (size_t i = 0; i < filters_.size(); ++i) {
    is_compressed |= is_compressor(filters_[i].id) && !is_skipped(filter_mask, i);
  }
  if (!is_compressed) return stored_bytes == bytes_after(filters_.size(), raw_bytes, filter_mask);
  return stored_bytes <= raw_bytes + overhead && raw_bytes / kMaxChunkRatio <= stored_bytes;
}

std::vector<uint8_t> ChunkCodec::encode(std::span<const uint8_t> raw) const {
  std::vector<uint8_t> stored(raw.begin(), raw.end());
  for (const auto& filter : filters_) {
    if (filter.id == kZstdFilterId) stored = compress_zstd(stored);
    if (filter.id == kGzipFilterId) stored = compress_gzip(stored);
    if (filter.id == kFletcherFilterId) append_checksum(stored);
  }
  return stored;
}

/// Of a chunk of `raw_bytes` when the first `filter` filters, none of them compressing, are
/// through.
size_t ChunkCodec::bytes_after(size_t filter, size_t raw_bytes, uint32_t filter_mask) const {
  for (size_t i = 0; i < filter; ++i) {
    if (filters_[i].id == kFletcherFilterId && !is_skipped(filter_mask, i)) {
      raw_bytes += kFletcherBytes;
    }
  }
  return raw_bytes;
}

/// From the last filter to the first. What goes into a compressor has a known size, because there
/// is only one; the step that is the last one works straight into `raw`.
void ChunkCodec::decode(std::span<const uint8_t> stored, uint32_t filter_mask,
                        std::span<uint8_t> raw) const {
  size_t step = 0;
  for (size_t i = filters_.size(); i-- > 0;) {
    if (is_skipped(filter_mask, i)) continue;
    if (filters_[i].id == kFletcherFilterId) {
      stored = strip_fletcher32(stored);
      continue;
    }
    const size_t bytes = bytes_after(i, raw.size(), filter_mask);
    bool is_last = true;
    for (size_t before = 0; before < i; ++before) is_last &= is_skipped(filter_mask, before);
    if (is_last) return undo_filter(filters_[i], stored, raw);
    auto& memory = step_memory(step++);
    memory.resize(bytes);
    undo_filter(filters_[i], stored, memory);
    stored = memory;
  }
  if (stored.size() != raw.size()) {
    throw DamagedChunk(
        c10::str("it has ", stored.size(), " bytes, and its extents ask for ", raw.size()));
  }
  std::copy(stored.begin(), stored.end(), raw.begin());
}

}  // namespace nextframe
