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

TEST(EpisodeSource, ReadsPiecesThatAreThoseOfTheWholeEpisode) {
  const auto glob = made_shards();
  for (const int64_t stride : {1, 3, 7}) {
    const Dataset dataset(glob, 3, stride);
    const auto source = first_episodes(dataset, 8);
    EXPECT_EQ(source.num_episodes(), 2);
    const auto whole = dataset.read_episode(1, 0, 20);
    const int64_t num_frames = source.episodes[1].num_frames;
    EXPECT_EQ(num_frames, whole.frames_THWC.size(0));
    for (int64_t first = 0; first < num_frames; ++first) {
      for (int64_t count = 1; count <= num_frames - first; ++count) {
        const auto piece = source.read(1, first, count);
        EXPECT_TRUE(piece.frames_THWC.equal(whole.frames_THWC.narrow(0, first, count)));
        EXPECT_TRUE(piece.actions_TA.equal(whole.actions_TA.narrow(0, first, count)));
        EXPECT_TRUE(source.read_actions(1, first, count).equal(piece.actions_TA));
      }
    }
  }
}

TEST(EpisodeSource, PassesOverEpisodesThatAreTooShort) {
  const Dataset dataset(made_shards(), 3, 1);
  EXPECT_EQ(first_episodes(dataset, 8, 20).num_episodes(), 2);
  const auto none = first_episodes(dataset, 8, 21);
  EXPECT_EQ(none.num_episodes(), 0);
  EXPECT_EQ(none.num_passed_over, 2);
  EXPECT_EQ(first_episodes(dataset, 1, 20).num_episodes(), 1);
}

}  // namespace
}  // namespace nextframe
