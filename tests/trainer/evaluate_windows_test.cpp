#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "trainer/evaluate/windows.h"

namespace nextframe {
namespace {

TEST(Windows, EveryScoredFrameIsPredictedOnceForEveryLength) {
  for (int64_t clip_frames = 2; clip_frames <= 19; ++clip_frames) {
    for (int64_t episode_frames = 0; episode_frames <= 80; ++episode_frames) {
      int64_t next = kFirstScoredFrame;
      for (const auto& window : teacher_forced_windows(episode_frames, clip_frames)) {
        ASSERT_EQ(window.first_target, next);
        ASSERT_GE(window.start, 0);
        ASSERT_EQ(window.frames, std::min(clip_frames, episode_frames));
        next = window.start + window.frames;
        ASSERT_GT(next, window.first_target);
      }
      ASSERT_EQ(next, std::max(episode_frames, kFirstScoredFrame)) << clip_frames;
    }
  }
}

TEST(Windows, AFrameHasFourTrueFramesOrHalfAClipBehindIt) {
  for (int64_t clip_frames = 5; clip_frames <= 32; ++clip_frames) {
    for (const auto& window : teacher_forced_windows(100, clip_frames)) {
      const int64_t context = window.first_target - window.start;
      EXPECT_GE(context, window.start == 0 ? kFirstScoredFrame : clip_frames / 2);
    }
  }
}

TEST(Windows, ALongEpisodeAdvancesByHalfAClip) {
  const auto windows = teacher_forced_windows(64, 16);
  ASSERT_EQ(windows.size(), 7u);
  EXPECT_EQ(windows[0].first_target, 4);
  EXPECT_EQ(windows[1].start, 8);
  EXPECT_EQ(windows[1].first_target, 16);
  EXPECT_EQ(windows[6].start, 48);
}

TEST(Windows, AClipOfOneFrameIsAnError) { EXPECT_THROW(teacher_forced_windows(64, 1), c10::Error); }

}  // namespace
}  // namespace nextframe
