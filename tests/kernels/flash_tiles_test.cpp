#include "kernels/cuda/flash_tiles.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace nextframe {
namespace {

/// Numbers of queries and keys are those of a call: queries are the last keys' tokens.
struct Problem {
  AttentionMask mask;
  int32_t queries, keys;

  bool sees(int64_t query, int64_t key) const {
    return mask.seen(query).contains(key) || mask.sink(query).contains(key);
  }
};

std::vector<Problem> problems() {
  std::vector<Problem> all;
  for (const int64_t frame : {0, 1, 3, 8, 16}) {
    for (const int64_t window : {0, 1, 2, 5}) {
      for (const int64_t sink : {0, 1, 3}) {
        for (const int64_t clip : {0, 1, 4, 7}) {
          for (const int32_t queries : {1, 13, 64, 75}) {
            if (frame == 0 && window + sink + clip > 0) continue;
            const AttentionMask mask{75, frame, window, sink, clip, frame == 0 ? 0 : 75 - queries};
            all.push_back({mask, queries, 75});
          }
        }
      }
    }
  }
  return all;
}

/// Rows of the tile's side against all tiles of the other side.
template <class Sees>
void expect_right(const FlashTiles& tiles, int32_t begin, int32_t last, int32_t others,
                  bool beyond_counts, const Sees& sees) {
  std::vector<int> visits(static_cast<size_t>(others + tiles.size), 0);
  for (int32_t i = 0; i < tiles.count; ++i) ++visits.at(static_cast<size_t>(tiles.begin_of(i)));
  for (int32_t first = 0; first < others; first += tiles.size) {
    bool any = false, all = !beyond_counts || first + tiles.size <= others;
    for (int32_t other = first; other < std::min(first + tiles.size, others); ++other) {
      for (int32_t row = begin; row <= last; ++row) {
        any = any || sees(row, other);
        all = all && sees(row, other);
      }
    }
    const int visited = visits[static_cast<size_t>(first)];
    EXPECT_LE(visited, 1);
    EXPECT_TRUE(visited == 1 || !any) << "a tile that is seen is skipped";
    EXPECT_TRUE(!tiles.is_full(first) || all || visited == 0) << "a tile lacks its mask";
  }
  const auto visited = std::accumulate(visits.begin(), visits.end(), 0);
  EXPECT_EQ(visited, tiles.count);
}

TEST(FlashTiles, HoldAllThatIsSeenAndCallFullWhatAllSee) {
  for (const auto& p : problems()) {
    for (const int32_t size : {8, 16}) {
      for (int32_t begin = 0; begin < p.queries; begin += 16) {
        const int32_t last = std::min(begin + 16, p.queries) - 1;
        expect_right(FlashTiles::of_keys(p.mask, begin, last, size), begin, last, p.keys, true,
                     [&](int32_t query, int32_t key) { return p.sees(query, key); });
      }
      for (int32_t begin = 0; begin < p.keys; begin += 16) {
        const int32_t last = std::min(begin + 16, p.keys) - 1;
        expect_right(FlashTiles::of_queries(p.mask, begin, last, p.queries, size), begin, last,
                     p.queries, false,
                     [&](int32_t key, int32_t query) { return p.sees(query, key); });
      }
    }
  }
}

TEST(FlashTiles, OfFramesThatAreWholeTilesAreAllFullAndNoneTooMany) {
  AttentionMask mask{1024, 256, 0, 0, 0, 0};
  for (int32_t frame = 0; frame < 4; ++frame) {
    for (const int32_t begin : {256 * frame, 256 * frame + 128}) {
      const auto keys = FlashTiles::of_keys(mask, begin, begin + 127, 64);
      EXPECT_EQ(keys.count, 4 * (frame + 1));
      for (int32_t i = 0; i < keys.count; ++i) EXPECT_TRUE(keys.is_full(keys.begin_of(i)));
      const auto queries = FlashTiles::of_queries(mask, begin, begin + 127, 1024, 64);
      EXPECT_EQ(queries.count, 4 * (4 - frame));
      for (int32_t i = 0; i < queries.count; ++i) EXPECT_TRUE(queries.is_full(queries.begin_of(i)));
    }
  }
}

TEST(FlashTiles, QueriesOfAKeyAreOneIntervalExactly) {
  for (const auto& p : problems()) {
    for (int32_t key = 0; key < p.keys; ++key) {
      const auto by = p.mask.seen_by(key, p.queries);
      for (int32_t query = 0; query < p.queries; ++query) {
        ASSERT_EQ(by.contains(query), p.sees(query, key)) << query << " " << key;
      }
    }
  }
}

}  // namespace
}  // namespace nextframe
