// Which tiles of keys a tile of queries meets, and vice versa, in closed form: other tiles are
// skipped, and tiles that every row sees whole need no mask.
#pragma once

#include <cstdint>

#include "kernels/attention_mask.h"

namespace nextframe {

/// Tiles of `size` rows of the other side, `first_count` from number `first` on and then the rest
/// from `second` on.
struct FlashTiles {
  struct Rows {
    int32_t begin, end;
  };

  int32_t size, count, first_count, first, second;
  Rows full[2];  // what every row of the tile sees

  NF_MASK_FUNCTION int32_t begin_of(int32_t i) const {
    return (i < first_count ? first + i : second + (i - first_count)) * size;
  }
  NF_MASK_FUNCTION bool is_full(int32_t begin) const {
    return (full[0].begin <= begin && begin + size <= full[0].end) ||
           (full[1].begin <= begin && begin + size <= full[1].end);
  }

  /// Of keys, for queries `begin` to `last`.
  NF_MASK_FUNCTION static FlashTiles of_keys(const AttentionMask& mask, int32_t begin, int32_t last,
                                             int32_t size) {
    const KeyInterval seen[2] = {mask.seen(begin), mask.seen(last)};
    const KeyInterval sink[2] = {mask.sink(begin), mask.sink(last)};
    FlashTiles tiles{};
    tiles.size = size;
    if (sink[1].begin < sink[1].end || sink[0].begin < sink[0].end) {
      tiles.first = static_cast<int32_t>(sink[0].begin) / size;
      tiles.first_count = ceil_of(sink[1].end, size) - tiles.first;
    }
    tiles.second = static_cast<int32_t>(seen[0].begin) / size;
    if (tiles.second < tiles.first + tiles.first_count) {
      tiles.second = tiles.first + tiles.first_count;
    }
    const int32_t rest = ceil_of(seen[1].end, size) - tiles.second;
    tiles.count = tiles.first_count + (rest > 0 ? rest : 0);
    tiles.full[0] = rows(seen[1].begin, seen[0].end);
    tiles.full[1] = rows(sink[1].begin, sink[0].end);
    return tiles;
  }

  /// Of queries, for keys `begin` to `last`.
  NF_MASK_FUNCTION static FlashTiles of_queries(const AttentionMask& mask, int32_t begin,
                                                int32_t last, int32_t queries, int32_t size) {
    FlashTiles tiles{};
    tiles.size = size;
    const KeyInterval by_first = mask.seen_by(begin, queries),
                      by_last = mask.seen_by(last, queries);
    int64_t end = by_first.end > by_last.end ? by_first.end : by_last.end;
    int64_t full_end = by_first.end < by_last.end ? by_first.end : by_last.end;
    if (mask.frame_tokens > 0 && mask.clip_frames > 0) {
      const int64_t clip_tokens = mask.frame_tokens * mask.clip_frames;
      const int64_t clip = last / clip_tokens * clip_tokens;
      // A clip that begins within the tile: its first keys may be seen the longest.
      if (clip > begin) {
        const int64_t clip_end = mask.seen_by(clip, queries).end;
        end = clip_end > end ? clip_end : end;
        full_end = 0;
      }
    }
    // Of keys behind the first frames the earliest are forgotten first, and are within the tile.
    if (is_sink(mask, begin) && !is_sink(mask, last)) full_end = 0;
    tiles.second = static_cast<int32_t>(by_first.begin) / size;
    const int32_t rest = ceil_of(end, size) - tiles.second;
    tiles.count = by_first.begin < end && rest > 0 ? rest : 0;
    // Queries behind the last one weigh nothing: they may be seen.
    tiles.full[0] = rows(by_last.begin, full_end >= queries ? int64_t{INT32_MAX} : full_end);
    return tiles;
  }

 private:
  /// Whether a key is of the first frames of its clip, which its queries see whatever the window.
  NF_MASK_FUNCTION static bool is_sink(const AttentionMask& mask, int64_t key) {
    if (mask.frame_tokens == 0 || mask.window_frames == 0) return false;
    const int64_t clip_tokens = mask.frame_tokens * mask.clip_frames;
    const int64_t in_clip = clip_tokens == 0 ? key : key % clip_tokens;
    return in_clip < mask.sink_frames * mask.frame_tokens;
  }
  NF_MASK_FUNCTION static int32_t ceil_of(int64_t rows, int32_t size) {
    return (static_cast<int32_t>(rows) + size - 1) / size;
  }
  NF_MASK_FUNCTION static Rows rows(int64_t begin, int64_t end) {
    return {static_cast<int32_t>(begin), static_cast<int32_t>(end)};
  }
};

}  // namespace nextframe
