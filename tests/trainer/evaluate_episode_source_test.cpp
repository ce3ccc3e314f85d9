#include <gtest/gtest.h>

#include <filesystem>

#include "data/make_dataset.h"
#include "kernels/torch.h"
#include "trainer/evaluate/predictor.h"

namespace nextframe {
namespace {

/// Two episodes of 20 frames.
std::string made_shards() {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "evaluate_episode_source";
  MakeOptions options;
  options.world = "ball_and_paddle";
  options.out = folder;
  options.episodes = 2;
  options.validation_episodes = 1;
  options.frames = 20;
  options.shards = 1;
  make_dataset(options, {});
  return (folder / "train/*.h5").string();
}

TEST(EpisodeSource, ReadsAsManyFramesAsAreAskedForOrAsThereAre) {
  const auto glob = made_shards();
  for (const int64_t stride : {1, 3, 7}) {
    const Dataset dataset(glob, 3, stride);
    const auto source = first_episodes(dataset, 8);
    EXPECT_EQ(source.num_episodes, 2);
    const auto whole = dataset.read_episode(1, 0, 20);
    for (const int64_t max_frames : {int64_t{1}, int64_t{2}, int64_t{5}, int64_t{20}, kAllFrames}) {
      const auto start = source.read(1, max_frames);
      EXPECT_EQ(start.frames_THWC.size(0), std::min(max_frames, whole.frames_THWC.size(0)));
      EXPECT_TRUE(start.frames_THWC.equal(whole.frames_THWC.slice(0, 0, max_frames)));
      EXPECT_TRUE(start.actions_TA.equal(whole.actions_TA.slice(0, 0, max_frames)));
    }
  }
}

}  // namespace
}  // namespace nextframe
