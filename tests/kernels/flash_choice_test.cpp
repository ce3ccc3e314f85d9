#include "kernels/flash_choice.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include "tests/kernels/attention_masks.h"

namespace nextframe {
namespace {

TEST(FlashChoice, IsByName) {
  EXPECT_EQ(flash_choice(), FlashChoice::mma) << "what every GPU can run, unless asked";
  choose_flash_kernels("hopper");
  EXPECT_EQ(flash_choice(), FlashChoice::hopper);
  choose_flash_kernels("cudnn");
  EXPECT_EQ(flash_choice(), FlashChoice::cudnn);
  EXPECT_THROW(choose_flash_kernels("fastest"), c10::Error);
  choose_flash_kernels("mma");
  EXPECT_EQ(flash_choice(), FlashChoice::mma);
}

using testing_attention::frames;
using testing_attention::may_look;

/// By looking at every query and key.
bool sees(StandardMask what, const AttentionMask& mask, int64_t queries) {
  if (what == StandardMask::causal && queries != mask.keys) return false;
  for (int64_t i = 0; i < queries; ++i) {
    for (int64_t k = 0; k < mask.keys; ++k) {
      if (may_look(mask, i, k) != (what == StandardMask::full || k <= i)) return false;
    }
  }
  return true;
}

template <class F>
void for_each_mask(const F& f) {
  for (const int64_t keys : {1, 2, 3, 6, 7}) {
    for (int64_t frame_tokens = 0; frame_tokens <= 7; ++frame_tokens) {
      for (const int64_t window : {0, 1, 2, 6, 7, 8}) {
        for (const int64_t sink : {0, 1, 3}) {
          for (const int64_t clip : {0, 1, 2, 6, 7, 8}) {
            auto mask = frames(frame_tokens, window, sink, clip);
            mask.keys = keys;
            for (mask.first_query = 0; mask.first_query < keys; ++mask.first_query) {
              for (int64_t queries = 1; queries <= keys; ++queries) {
                f(mask, queries);
              }
            }
          }
        }
      }
    }
  }
}

TEST(StandardMask, IsWhatEveryQuerySees) {
  std::array<int64_t, 3> found{};
  for_each_mask([&](const AttentionMask& mask, int64_t queries) {
    const auto is = standard_mask(mask, queries);
    ++found[static_cast<size_t>(is)];
    if (is != StandardMask::other) {
      ASSERT_TRUE(sees(is, mask, queries))
          << static_cast<int>(is) << ": " << queries << " of " << mask.keys << ", frames of "
          << mask.frame_tokens << ", " << mask.window_frames << ", " << mask.sink_frames << ", "
          << mask.clip_frames << " from " << mask.first_query;
    } else if (mask.sink_frames == 0) {
      ASSERT_FALSE(sees(StandardMask::full, mask, queries) ||
                   sees(StandardMask::causal, mask, queries))
          << queries << " of " << mask.keys << ", frames of " << mask.frame_tokens << ", "
          << mask.window_frames << ", " << mask.clip_frames << " from " << mask.first_query;
    }
  });
  for (const int64_t count : found) EXPECT_GT(count, 100);
}

TEST(StandardMask, OfTheUsualCalls) {
  const auto of = [](AttentionMask mask, int64_t queries, int64_t keys, int64_t first = 0) {
    mask.keys = keys, mask.first_query = first;
    return standard_mask(mask, queries);
  };
  EXPECT_EQ(of(frames(1), 300, 300), StandardMask::causal);
  EXPECT_EQ(of({}, 300, 300), StandardMask::full);
  EXPECT_EQ(of({}, 10, 300), StandardMask::full);
  EXPECT_EQ(of(frames(300), 300, 300), StandardMask::full) << "one frame alone";
  EXPECT_EQ(of(frames(100), 100, 300, 200), StandardMask::full) << "the newest frame";
  EXPECT_EQ(of(frames(100), 300, 300), StandardMask::other);
  EXPECT_EQ(of(frames(1, 20), 300, 300), StandardMask::other);
  EXPECT_EQ(of(frames(1, 20, 4), 300, 300), StandardMask::other);
  EXPECT_EQ(of(frames(1, 0, 0, 150), 300, 300), StandardMask::other);
  EXPECT_EQ(of(frames(1), 10, 300, 290), StandardMask::other);
}

}  // namespace
}  // namespace nextframe
