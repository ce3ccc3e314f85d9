#include "data/frame_sample.h"

#include "data/inspect_shard.h"
#include "data/make_dataset.h"
#include "data/shard_reader.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

/// A bright square on a noisy ground that moves right by its action of 0 to 2 pixels. `late`: how
/// many rows after its frame an action is stored.
RecordedEpisode moving_square(int64_t frames, int64_t late, bool is_continuous,
                              bool has_noise = true) {
  RecordedEpisode episode;
  const at::Tensor actions = at::randint(0, 3, {frames}, at::kLong);
  episode.frames_THWC = at::randint(0, has_noise ? 30 : 1, {frames, 32, 32, 3}, at::kByte);
  int64_t left = 4;
  for (int64_t t = 0; t < frames; ++t) {
    episode.frames_THWC[t].slice(0, 12, 20).slice(1, left, left + 8).fill_(200);
    left = (left + actions[t].item<int64_t>()) % 24;
  }
  episode.actions = actions.roll(late);
  if (is_continuous) episode.actions = episode.actions.to(at::kFloat).view({-1, 1});
  return episode;
}

AlignmentEvidence evidence_of(int64_t late, bool is_continuous) {
  const ScratchFolder folder;
  at::manual_seed(7);
  ShardInfo info = three_actions();
  if (is_continuous) info.action_space = {ActionSpace::Kind::continuous, 1, {}};
  std::vector<RecordedEpisode> episodes;
  for (int e = 0; e < 10; ++e) episodes.push_back(moving_square(60, late, is_continuous));
  write_shard(folder / "a.h5", episodes, Compression::zstd, info);
  return inspect_shard(folder / "a.h5").alignment;
}

TEST(FrameSample, TheAlignmentOfActionsShowsInTheMotion) {
  for (const bool is_continuous : {false, true}) {
    const auto right = evidence_of(0, is_continuous);
    EXPECT_GT(right.as_read, 0.2) << is_continuous;
    EXPECT_LT(right.one_later, 0.05);
    EXPECT_FALSE(right.is_later_better() || right.is_earlier_better());
    const auto led = evidence_of(1, is_continuous);
    EXPECT_GT(led.one_later, 0.2);
    EXPECT_TRUE(led.is_later_better() && !led.is_earlier_better());
    const auto early = evidence_of(-1, is_continuous);
    EXPECT_TRUE(early.is_earlier_better() && !early.is_later_better());
  }
}

TEST(FrameSample, ActionsThatDoNothingGiveNoWarning) {
  for (const bool has_noise : {true, false}) {  // without it most of a frame never moves
    const ScratchFolder folder;
    std::vector<RecordedEpisode> episodes;
    for (int e = 0; e < 6; ++e) {
      episodes.push_back(moving_square(60, 0, false, has_noise));
      episodes.back().actions = at::randint(0, 3, {60}, at::kLong);
    }
    write_shard(folder / "a.h5", episodes);
    const auto evidence = inspect_shard(folder / "a.h5").alignment;
    EXPECT_LT(evidence.as_read, 0.05) << has_noise;
    EXPECT_LT(evidence.one_later, 0.05) << has_noise;
    EXPECT_FALSE(evidence.is_later_better() || evidence.is_earlier_better());
  }
}

TEST(FrameSample, OurOwnWorldsAreAlignedAsTheySay) {
  for (const std::string world : {"ball_and_paddle", "bouncing_square"}) {
    const ScratchFolder folder;
    MakeOptions options;
    options.world = world;
    options.out = folder / "d";
    options.episodes = 40;
    options.shards = 1;
    options.frames = 64;
    make_dataset(options, nullptr);
    const auto evidence = inspect_shard(folder / "d/train/shard-00000.h5").alignment;
    if (evidence.pairs == 0) continue;  // a world without actions
    EXPECT_GT(evidence.as_read, evidence.one_later) << world;
    EXPECT_FALSE(evidence.is_later_better() || evidence.is_earlier_better()) << world;
  }
}

TEST(FrameSample, AFewEpisodesGiveNoWarningByChance) {
  for (const uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
    const ScratchFolder folder;
    MakeOptions options;
    options.world = "bouncing_square";
    options.out = folder / "d";
    options.episodes = 8;
    options.shards = 1;
    options.frames = 64;
    options.seed = static_cast<int64_t>(seed);
    make_dataset(options, nullptr);
    const auto evidence = inspect_shard(folder / "d/train/shard-00000.h5").alignment;
    EXPECT_FALSE(evidence.is_later_better() || evidence.is_earlier_better())
        << seed << " " << evidence.as_read << " " << evidence.one_later << " " << evidence.later_z;
  }
}

TEST(FrameSample, BrightnessAndMotionAreMeasured) {
  const ScratchFolder folder;
  RecordedEpisode episode;
  episode.frames_THWC = at::zeros({10, 8, 8, 3}, at::kByte);
  episode.frames_THWC.slice(0, 5).fill_(255);
  episode.actions = at::zeros({10}, at::kLong);
  write_shard(folder / "a.h5", {episode});
  const FrameStatistics look = inspect_shard(folder / "a.h5").look;
  EXPECT_EQ(look.frames, 10);
  EXPECT_NEAR(look.brightness, 0.5, 1e-6);
  EXPECT_NEAR(look.contrast, 0.5, 1e-6);
  EXPECT_NEAR(look.black_share, 0.5, 1e-6);
  EXPECT_NEAR(look.motion, 1.0 / 9, 1e-6);
  EXPECT_NEAR(look.still_share, 8.0 / 9, 1e-6);
}

TEST(FrameSample, LongShardsAreLookedAtInRunsFromAllOver) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(200), numbered_episode(200)});
  const ShardReader shard(folder / "a.h5");
  const FrameSample sample = sample_frames(shard, 8 * 8 * 3 * 24 * 5);
  ASSERT_GE(sample.runs_THWC.size(), 4U);
  EXPECT_LE(sample.runs_THWC.size(), 8U);
  const auto last = sample.runs_THWC.back();
  EXPECT_GT(last[0].flatten()[0].item<int64_t>(), 50);  // far into the second episode
  EXPECT_EQ(last[1].flatten()[0].item<int64_t>(), last[0].flatten()[0].item<int64_t>() + 1);
}

}  // namespace
}  // namespace nextframe
