#include "data/chunk_filters.h"

#include <blosc.h>
#include <lz4.h>
#include <lzf.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "data/checksum.h"

namespace nextframe {
namespace {

using Bytes = std::span<const uint8_t>;
using Room = std::span<uint8_t>;

constexpr size_t kInt32Max = 0x7fffffff;  // these libraries count in int

/// A context costs more than a chunk, so each thread keeps one.
ZSTD_DCtx* zstd_decoder() {
  thread_local const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> decoder(ZSTD_createDCtx(),
                                                                                  &ZSTD_freeDCtx);
  return decoder.get();
}

/// The next big-endian number of so many bytes, taken off the front; throws where they end.
uint64_t take_big_endian(Bytes& bytes, size_t num_bytes) {
  if (bytes.size() < num_bytes) throw DamagedChunk("its bytes end too early");
  uint64_t value = 0;
  for (size_t i = 0; i < num_bytes; ++i) value = value << 8 | bytes[i];
  bytes = bytes.subspan(num_bytes);
  return value;
}

Bytes take(Bytes& bytes, size_t num_bytes) {
  if (bytes.size() < num_bytes) throw DamagedChunk("its bytes end too early");
  const Bytes front = bytes.first(num_bytes);
  bytes = bytes.subspan(num_bytes);
  return front;
}

// Each of these returns the number of bytes it has put into `raw`; 0 if `stored` makes no sense.

size_t undo_zstd(Bytes stored, Room raw) {
  const size_t bytes =
      ZSTD_decompressDCtx(zstd_decoder(), raw.data(), raw.size(), stored.data(), stored.size());
  return ZSTD_isError(bytes) != 0 ? 0 : bytes;
}

size_t undo_gzip(Bytes stored, Room raw) {
  uLongf bytes = raw.size();
  return uncompress(raw.data(), &bytes, stored.data(), stored.size()) == Z_OK ? bytes : 0;
}

size_t undo_lzf(Bytes stored, Room raw) {
  if (stored.empty() || stored.size() > kInt32Max || raw.size() > kInt32Max) return 0;
  return lzf_decompress(stored.data(), static_cast<unsigned>(stored.size()), raw.data(),
                        static_cast<unsigned>(raw.size()));
}

size_t undo_lz4_block(Bytes stored, Room raw) {
  if (stored.size() > kInt32Max || raw.size() > kInt32Max) return 0;
  const int bytes = LZ4_decompress_safe(
      reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(raw.data()),
      static_cast<int>(stored.size()), static_cast<int>(raw.size()));
  return bytes < 0 ? 0 : static_cast<size_t>(bytes);
}

/// Size in all (8 bytes), size of a block (4), then each block behind its stored size (4); one that
/// did not shrink is stored as it is. Numbers are big-endian.
size_t undo_lz4(Bytes stored, Room raw) {
  if (take_big_endian(stored, 8) != raw.size()) return 0;
  const size_t block_bytes = take_big_endian(stored, 4);
  if (block_bytes == 0) return 0;
  for (size_t done = 0; done < raw.size();) {
    const Room block = raw.subspan(done, std::min(block_bytes, raw.size() - done));
    const Bytes content = take(stored, take_big_endian(stored, 4));
    if (content.size() == block.size()) {
      std::copy(content.begin(), content.end(), block.begin());
    } else if (undo_lz4_block(content, block) != block.size()) {
      return 0;
    }
    done += block.size();
  }
  return raw.size();
}

size_t undo_blosc(Bytes stored, Room raw) {
  size_t bytes = 0;
  if (stored.size() < BLOSC_MIN_HEADER_LENGTH ||
      blosc_cbuffer_validate(stored.data(), stored.size(), &bytes) < 0 || bytes != raw.size()) {
    return 0;
  }
  const int done = blosc_decompress_ctx(stored.data(), raw.data(), raw.size(), /*threads=*/1);
  return done < 0 ? 0 : static_cast<size_t>(done);
}

/// Bit k of byte b becomes bit b of byte k: Warren, "Hacker's Delight", 7-3.
uint64_t transpose_8x8(uint64_t x) {
  uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aaULL;
  x = x ^ t ^ (t << 7);
  t = (x ^ (x >> 14)) & 0x0000cccc0000ccccULL;
  x = x ^ t ^ (t << 14);
  t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0ULL;
  return x ^ t ^ (t << 28);
}

/// Rows of single bits, one for each bit of an element, back into elements (a multiple of 8).
void undo_bit_rows(Bytes rows, Room raw, size_t element_bytes) {
  const size_t row_bytes = raw.size() / element_bytes / 8;
  for (size_t byte = 0; byte < element_bytes; ++byte) {
    for (size_t column = 0; column < row_bytes; ++column) {
      uint64_t bits = 0;
      for (size_t k = 0; k < 8; ++k) {
        bits |= static_cast<uint64_t>(rows[(byte * 8 + k) * row_bytes + column]) << (8 * k);
      }
      bits = transpose_8x8(bits);
      for (size_t e = 0; e < 8; ++e) {
        raw[(column * 8 + e) * element_bytes + byte] = static_cast<uint8_t>(bits >> (8 * e));
      }
    }
  }
}

/// What bitshuffle takes if no block was asked for: 8 KiB of elements, in multiples of 8.
size_t default_block(size_t element_bytes) {
  return std::max<size_t>(8192 / element_bytes / 8 * 8, 128);
}

/// Blocks of a multiple of 8 elements, each bit-shuffled and perhaps compressed; a few last
/// elements may follow as they are. values: version, version, bytes of an element, elements of a
/// block (0: the default), compression (0 none, 2 LZ4, 3 zstd).
size_t undo_bitshuffle(const std::vector<unsigned>& values, Bytes stored, Room raw) {
  if (values.size() < 3 || values[2] == 0) return 0;
  const size_t element_bytes = values[2], num_elements = raw.size() / element_bytes;
  const unsigned compression = values.size() > 4 ? values[4] : 0;
  size_t block = values.size() > 3 && values[3] > 0 ? values[3] : default_block(element_bytes);
  if (num_elements * element_bytes != raw.size()) return 0;
  if (compression != 0) {
    if (take_big_endian(stored, 8) != raw.size()) return 0;
    block = take_big_endian(stored, 4) / element_bytes;
  }
  if (block == 0 || block % 8 != 0) return 0;
  std::vector<uint8_t> rows;
  for (size_t done = 0; done < num_elements / 8 * 8;) {
    const size_t count = std::min(block, (num_elements - done) / 8 * 8);
    const Room target = raw.subspan(done * element_bytes, count * element_bytes);
    rows.resize(target.size());
    if (compression == 0) {
      const Bytes content = take(stored, target.size());
      std::copy(content.begin(), content.end(), rows.begin());
    } else {
      const Bytes content = take(stored, take_big_endian(stored, 4));
      const size_t bytes =
          compression == 3 ? undo_zstd(content, rows) : undo_lz4_block(content, rows);
      if (bytes != rows.size()) return 0;
    }
    undo_bit_rows(rows, target, element_bytes);
    done += count;
  }
  const Room rest = raw.last(num_elements % 8 * element_bytes);
  const Bytes content = take(stored, rest.size());
  std::copy(content.begin(), content.end(), rest.begin());
  return raw.size();
}

/// All first bytes of the elements, then all second ones, ...; what is no whole element follows.
size_t undo_shuffle(const std::vector<unsigned>& values, Bytes stored, Room raw) {
  const size_t element_bytes = values.empty() ? 0 : values[0];
  if (element_bytes == 0 || stored.size() != raw.size()) return 0;
  const size_t num_elements = raw.size() / element_bytes, whole = num_elements * element_bytes;
  for (size_t e = 0; e < num_elements; ++e) {
    for (size_t b = 0; b < element_bytes; ++b) {
      raw[e * element_bytes + b] = stored[b * num_elements + e];
    }
  }
  std::copy(stored.begin() + static_cast<std::ptrdiff_t>(whole), stored.end(),
            raw.begin() + static_cast<std::ptrdiff_t>(whole));
  return raw.size();
}

size_t undo(const ChunkFilter& filter, Bytes stored, Room raw) {
  switch (filter.id) {
    case kGzipFilterId:
      return undo_gzip(stored, raw);
    case kShuffleFilterId:
      return undo_shuffle(filter.values, stored, raw);
    case kLzfFilterId:
      return undo_lzf(stored, raw);
    case kBloscFilterId:
      return undo_blosc(stored, raw);
    case kLz4FilterId:
      return undo_lz4(stored, raw);
    case kBitshuffleFilterId:
      return undo_bitshuffle(filter.values, stored, raw);
    case kZstdFilterId:
      return undo_zstd(stored, raw);
    default:
      throw std::logic_error(filter_name(filter.id) + " is not ours to undo");
  }
}

}  // namespace

std::string filter_name(int id) {
  struct Name {
    int id;
    const char* name;
  };
  constexpr std::array kNames{Name{kGzipFilterId, "gzip"},
                              Name{kShuffleFilterId, "shuffle"},
                              Name{kFletcherFilterId, "fletcher32"},
                              Name{4, "szip"},
                              Name{5, "nbit"},
                              Name{6, "scaleoffset"},
                              Name{307, "bzip2"},
                              Name{kLzfFilterId, "lzf"},
                              Name{kBloscFilterId, "blosc"},
                              Name{kLz4FilterId, "lz4"},
                              Name{kBitshuffleFilterId, "bitshuffle"},
                              Name{32013, "zfp"},
                              Name{kZstdFilterId, "zstd"},
                              Name{32017, "sz"},
                              Name{32018, "fcidecomp"},
                              Name{32024, "sz3"},
                              Name{32026, "blosc2"},
                              Name{32028, "sperr"}};
  for (const Name& known : kNames) {
    if (known.id == id) return known.name;
  }
  return "filter " + std::to_string(id);
}

bool is_compressor(int id) {
  constexpr std::array kCompressors{kGzipFilterId, kLzfFilterId,        kBloscFilterId,
                                    kLz4FilterId,  kBitshuffleFilterId, kZstdFilterId};
  return std::find(kCompressors.begin(), kCompressors.end(), id) != kCompressors.end();
}

bool is_known_filter(int id) {
  return is_compressor(id) || id == kShuffleFilterId || id == kFletcherFilterId;
}

void undo_filter(const ChunkFilter& filter, std::span<const uint8_t> stored,
                 std::span<uint8_t> raw) {
  if (undo(filter, stored, raw) == raw.size()) return;
  throw DamagedChunk("its bytes do not decompress to the chunk's size (" + filter_name(filter.id) +
                     ")");
}

std::span<const uint8_t> strip_fletcher32(std::span<const uint8_t> stored) {
  if (stored.size() < kFletcherBytes) throw DamagedChunk("it is too short to hold a checksum");
  const auto content = stored.first(stored.size() - kFletcherBytes);
  uint32_t expected = 0;
  for (size_t i = 0; i < kFletcherBytes; ++i) {
    expected |= static_cast<uint32_t>(stored[content.size() + i]) << (8 * i);
  }
  if (fletcher32(content.data(), content.size()) != expected) {
    throw DamagedChunk("its fletcher32 checksum does not match");
  }
  return content;
}

}  // namespace nextframe
