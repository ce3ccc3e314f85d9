#include "data/chunk_codec.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

std::vector<uint8_t> pattern() {
  std::vector<uint8_t> bytes(5000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i / 16);
  return bytes;
}

constexpr auto kAll = {Compression::none, Compression::gzip, Compression::zstd};

TEST(ChunkCodec, DecodesWhatItEncoded) {
  for (const auto compression : kAll) {
    const ChunkCodec codec(compression);
    std::vector<uint8_t> raw(pattern().size());
    codec.decode(codec.encode(pattern()), 0, raw);
    EXPECT_EQ(raw, pattern());
  }
}

TEST(ChunkCodec, EveryFlippedByteIsNoticed) {
  for (const auto compression : kAll) {
    const ChunkCodec codec(compression);
    const auto stored = codec.encode(pattern());
    std::vector<uint8_t> raw(pattern().size());
    for (size_t i = 0; i < stored.size(); ++i) {
      auto damaged = stored;
      damaged[i] ^= 4;
      EXPECT_THROW(codec.decode(damaged, 0, raw), DamagedChunk) << i;
    }
  }
}

TEST(ChunkCodec, CutChunksAreNoticed) {
  for (const auto compression : kAll) {
    const ChunkCodec codec(compression);
    auto stored = codec.encode(pattern());
    std::vector<uint8_t> raw(pattern().size());
    stored.pop_back();
    EXPECT_THROW(codec.decode(stored, 0, raw), DamagedChunk);
    EXPECT_THROW(codec.decode({}, 0, raw), DamagedChunk);
  }
}

TEST(ChunkCodec, HonoursTheMaskOfSkippedFilters) {
  const ChunkCodec zstd(Compression::zstd), plain(Compression::none);
  std::vector<uint8_t> raw(pattern().size());
  zstd.decode(plain.encode(pattern()), 0b01, raw);  // only the checksum was applied
  EXPECT_EQ(raw, pattern());
  raw.assign(raw.size(), 0);
  zstd.decode(pattern(), 0b11, raw);  // neither was
  EXPECT_EQ(raw, pattern());
  raw.assign(raw.size(), 0);
  plain.decode(pattern(), 0b1, raw);
  EXPECT_EQ(raw, pattern());
}

TEST(ChunkCodec, KnowsItsFiltersAndNoOthers) {
  EXPECT_EQ(ChunkCodec(Compression::zstd).filter_ids(), (std::vector<int>{32015, 3}));
  ASSERT_TRUE(ChunkCodec::from_filters({{1}}).has_value());
  EXPECT_FALSE(ChunkCodec::from_filters({{1}})->has_checksum());
  EXPECT_TRUE(ChunkCodec::from_filters({{32015}, {3}})->has_checksum());
  EXPECT_TRUE(ChunkCodec::from_filters({}).has_value());
  EXPECT_TRUE(ChunkCodec::from_filters({{2, {1}}, {32000}}).has_value());
  EXPECT_FALSE(ChunkCodec::from_filters({{3}, {1}})->has_checksum());  // what it guards is inside
  EXPECT_FALSE(ChunkCodec::from_filters({{4}}).has_value());
  EXPECT_FALSE(ChunkCodec::from_filters({{1}, {32015}}).has_value());
}

TEST(ChunkCodec, ShuffledBytesComeBackInOrder) {
  const auto codec = ChunkCodec::from_filters({{kShuffleFilterId, {2}}, {kFletcherFilterId}});
  const std::vector<uint8_t> shuffled{0, 2, 4, 1, 3, 5};
  auto stored = ChunkCodec(Compression::none).encode(shuffled);
  std::vector<uint8_t> raw(6);
  codec->decode(stored, 0, raw);
  EXPECT_EQ(raw, (std::vector<uint8_t>{0, 1, 2, 3, 4, 5}));
}

/// Too few and too many bytes, and a size that no stored bytes could have.
TEST(ChunkCodec, ChunksOfAnotherSizeAreDamaged) {
  for (const auto compression : {Compression::gzip, Compression::zstd}) {
    const ChunkCodec codec(compression);
    const auto stored = codec.encode(pattern());
    for (const size_t size : {pattern().size() - 1, pattern().size() + 1, size_t{1}}) {
      std::vector<uint8_t> raw(size);
      EXPECT_THROW(codec.decode(stored, 0, raw), DamagedChunk) << size;
    }
    EXPECT_TRUE(codec.can_hold(stored.size(), pattern().size(), 0));
    EXPECT_FALSE(codec.can_hold(stored.size(), uint64_t{1} << 40, 0));
    EXPECT_FALSE(codec.can_hold(stored.size(), pattern().size(), 0b01));
  }
}

TEST(Compression, UnknownNamesAreRefused) {
  EXPECT_EQ(compression_from_name("gzip"), Compression::gzip);
  EXPECT_THROW(compression_from_name("lzma"), std::invalid_argument);
}

}  // namespace
}  // namespace nextframe
