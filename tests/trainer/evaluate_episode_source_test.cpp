#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "data/error.h"
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

/// Three held-out episodes of `collisions`, from outside of its range, in one shard.
std::string made_collisions() {
  MakeOptions options;
  options.world = "collisions";
  options.out = std::filesystem::path(::testing::TempDir()) / "evaluate_collisions";
  options.episodes = 1;
  options.validation_episodes = 3;
  options.frames = 20;
  options.shards = 1;
  options.seed = 5;
  options.range = WorldRange::outside;
  make_dataset(options, {});
  return (options.out / "validation/*.h5").string();
}

TEST(EpisodeSource, TrueStateTravelsWithTheFrames) {
  const auto glob = made_collisions();
  const auto& world = WorldRegistry::instance().get("collisions", "world");
  const auto made = world.episode({5, 1, 2}, 20, WorldRange::outside);
  for (const int64_t stride : {1, 3}) {
    const Dataset dataset(glob, 3, stride);
    const auto source = first_episodes(dataset, 8);
    const auto names = source.column_names(2);
    for (const auto& column : made.columns) {
      EXPECT_EQ(std::count(names.begin(), names.end(), column.name), 1) << column.name;
      const auto rows = source.read_column(2, column.name, 1, 4);
      const auto expected = column.values.to(at::kFloat).slice(0, stride, stride * 5, stride);
      EXPECT_TRUE(rows.equal(expected)) << column.name << " " << stride;
    }
    EXPECT_EQ(std::count(names.begin(), names.end(), "pixels"), 0);
  }
}

TEST(EpisodeSource, AnEpisodeIsReplayedFromWhatItsShardSays) {
  const auto glob = made_collisions();
  const Dataset dataset(glob, 3, 1);
  auto source = first_episodes(dataset, 8);
  const auto origin = source.origin(2);
  ASSERT_TRUE(origin.has_value());
  EXPECT_EQ(origin->world, "collisions");
  EXPECT_EQ(origin->range, WorldRange::outside);
  EXPECT_EQ(origin->first.index, 2u);
  EXPECT_EQ(origin->objects, (std::vector<std::string>{"first ball", "second ball"}));
  EXPECT_EQ(replay_problem(source), "");
  const auto again = replayed(source, 2, {.num_frames = 20});
  EXPECT_TRUE(again.frames_THWC.equal(source.read(2, 0, 20).frames_THWC));
  const auto alone = replayed(source, 2, {.num_frames = 20, .removed_object = 1});
  EXPECT_FALSE(alone.frames_THWC.equal(again.frames_THWC));
  source.origin = [](int64_t) {
    return WorldOrigin{"collisions", WorldRange::inside, {5, 1, 0}, {}};
  };
  EXPECT_NE(replay_problem(source).find("makes other frames than those of episode 0"),
            std::string::npos);
}

TEST(EpisodeSource, RecordingsHaveNoOriginAndNoSuchColumn) {
  const Dataset dataset(made_collisions(), 3, 1);
  const auto source = first_episodes(dataset, 8);
  EXPECT_THROW(source.read_column(0, "object_mask", 0, 2), DataError);
  const EpisodeSource none;
  EXPECT_THROW(replayed(none, 0, {.num_frames = 2}), std::invalid_argument);
}

}  // namespace
}  // namespace nextframe
