#include "data/draw_clips.h"

#include "tests/data/scratch.h"

namespace nextframe {
namespace {

TEST(DrawClips, GivesFramesThatFollowEachOtherWithTheirActions) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(30), numbered_episode(50)});
  write_shard(folder / "b.h5", {numbered_episode(3), numbered_episode(200)});
  const auto clips = draw_clips(folder / "*.h5", 20, 8, 1);
  ASSERT_EQ(clips.size(), 20U);
  int64_t of_b = 0;
  for (const auto& clip : clips) {
    const at::Tensor numbers = clip.frames_THWC.flatten(1).select(1, 0).to(at::kLong);
    const at::Tensor expected = at::arange(clip.first_frame, clip.first_frame + numbers.numel());
    EXPECT_TRUE(at::equal(numbers, expected));
    EXPECT_TRUE(at::equal(clip.actions, expected.remainder(3)));
    of_b += clip.shard == "b.h5" ? 1 : 0;
  }
  EXPECT_GT(of_b, 5);
  EXPECT_LT(of_b, 20);
  EXPECT_EQ(draw_clips(folder / "*.h5", 3, 8, 1)[2].first_frame, clips[2].first_frame);
}

TEST(DrawClips, ShortEpisodesGiveWhatTheyHave) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(3)});
  const auto clips = draw_clips(folder / "a.h5", 2, 8, 0);
  ASSERT_EQ(clips.size(), 2U);
  EXPECT_EQ(clips[0].frames_THWC.size(0), 3);
}

}  // namespace
}  // namespace nextframe
