#include "kernels/attention_mask.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/kernels/attention_masks.h"

namespace nextframe {
namespace {

using namespace testing_attention;

std::vector<AttentionMask> many_masks() {
  std::vector<AttentionMask> masks = {{}};
  for (const int64_t tokens : {1, 3, 4}) {
    for (const int64_t window : {0, 1, 2}) {
      for (const int64_t sink : {0, 1, 2}) {
        for (const int64_t clip : {0, 1, 3}) masks.push_back(frames(tokens, window, sink, clip));
      }
    }
  }
  return masks;
}

TEST(AttentionMask, IntervalsAreWhatTheWordsSay) {
  for (auto mask : many_masks()) {
    mask.keys = 25;
    for (const int64_t first_query : {0, 7}) {
      mask.first_query = mask.frame_tokens == 0 ? 0 : first_query;
      const int64_t queries = mask.keys - mask.first_query;
      for (int64_t i = 0; i < queries; ++i) {
        for (int64_t j = 0; j < mask.keys; ++j) {
          const bool sees = mask.seen(i).contains(j) || mask.sink(i).contains(j);
          EXPECT_EQ(sees, may_look(mask, i, j))
              << i << " " << j << " of frames of " << mask.frame_tokens;
          EXPECT_FALSE(mask.seen(i).contains(j) && mask.sink(i).contains(j));
          EXPECT_TRUE(!sees || mask.seen_by(j, queries).contains(i)) << i << " " << j;
        }
        if (i == 0) continue;
        EXPECT_LE(mask.seen(i - 1).begin, mask.seen(i).begin);
        EXPECT_LE(mask.seen(i - 1).end, mask.seen(i).end);
        EXPECT_LE(mask.sink(i - 1).begin, mask.sink(i).begin);
        EXPECT_LE(mask.sink(i - 1).end, mask.sink(i).end);
      }
    }
  }
}

}  // namespace
}  // namespace nextframe
