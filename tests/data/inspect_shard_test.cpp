#include "data/inspect_shard.h"

#include "tests/data/scratch.h"

namespace nextframe {
namespace {

TEST(InspectShard, TellsWhatIsInside) {
  const ScratchFolder folder;
  auto episode = numbered_episode(10);
  episode.columns = {{"height", at::rand({10, 2})}};
  auto longer = numbered_episode(20);
  longer.columns = {{"height", at::rand({20, 2})}};
  write_shard(folder / "a.h5", {episode, longer});
  const ShardSummary shard = inspect_shard(folder / "a.h5");
  EXPECT_EQ(shard.frames, 30);
  EXPECT_EQ(shard.episodes, 2);
  EXPECT_EQ(shard.shortest_episode, 10);
  EXPECT_EQ(shard.longest_episode, 20);
  EXPECT_EQ(shard.pixel_bytes, 30 * 8 * 8 * 3);
  EXPECT_EQ(shard.actions, "discrete 3");
  EXPECT_EQ(shard.action_counts, (std::vector<int64_t>{11, 10, 9}));
  EXPECT_EQ(shard.pixels_layout, "chunks [16, 8, 8, 3], zstd, fletcher32");
  EXPECT_TRUE(shard.has_checksums);
  EXPECT_EQ(shard.attributes.at("format"), "nextframe");
  EXPECT_EQ(shard.attributes.at("complete"), "1");
  const ColumnSummary& height = shard.columns.at(3);
  EXPECT_EQ(height.name + " " + height.type, "height float32");
  EXPECT_EQ(height.shape, (std::vector<int64_t>{30, 2}));
}

TEST(InspectShard, DamagedFramesAreNamedBesideAllElse) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(40)}, Compression::none);
  flip_bit(folder / "a.h5", static_cast<int64_t>(std::filesystem::file_size(folder / "a.h5") / 2));
  const ShardSummary shard = inspect_shard(folder / "a.h5");
  EXPECT_EQ(shard.frames, 40);
  EXPECT_TRUE(contains(shard.problem, "a.h5")) << shard.problem;
}

TEST(InspectShard, ContinuousActionsHaveARange) {
  const ScratchFolder folder;
  auto episode = numbered_episode(3);
  episode.actions = at::tensor({0.5F, -1.0F, 2.0F}).view({3, 1});
  ShardInfo info;
  info.action_space = {ActionSpace::Kind::continuous, 1, {}};
  write_shard(folder / "a.h5", {episode}, Compression::gzip, info);
  const ShardSummary shard = inspect_shard(folder / "a.h5");
  EXPECT_EQ(shard.actions, "continuous 1");
  EXPECT_EQ(shard.action_low, (std::vector<double>{-1}));
  EXPECT_EQ(shard.action_high, (std::vector<double>{2}));
  ASSERT_EQ(shard.action_bins.size(), 1U);
  EXPECT_EQ(shard.action_bins[0].size(), 16U);
  EXPECT_EQ(shard.action_bins[0][0] + shard.action_bins[0][8] + shard.action_bins[0][15], 3);
}

}  // namespace
}  // namespace nextframe
