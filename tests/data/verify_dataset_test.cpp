#include "data/verify_dataset.h"

#include "data/make_dataset.h"
#include "data/shard_index.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

TEST(VerifyDataset, SoundShardsAreReadWhole) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(20, 64), numbered_episode(30, 64)});
  write_index(scan_shards(folder.path(), "test"));
  const VerifyReport report = verify_dataset(folder / "*.h5", nullptr);
  EXPECT_TRUE(report.problems.empty());
  EXPECT_EQ(report.frames, 50);
  EXPECT_EQ(report.chunks, 7);
  EXPECT_EQ(report.chunks_unchecked, 0);
  EXPECT_EQ(report.hashes, 1);
}

TEST(VerifyDataset, EveryDamagedChunkIsNamed) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(64, 64)}, Compression::none);
  write_shard(folder / "b.h5", {numbered_episode(64, 64)});
  flip_bit(folder / "a.h5", 2 * 98304 + 50000);
  flip_bit(folder / "a.h5", 5 * 98304 + 50000);
  const VerifyReport report = verify_dataset(folder / "*.h5", nullptr);
  ASSERT_EQ(report.problems.size(), 2U);
  EXPECT_TRUE(contains(report.problems[0], "a.h5: chunk 2, frames 16 to 23, episode 0"))
      << report.problems[0];
  EXPECT_TRUE(contains(report.problems[1], "a.h5: chunk 5"));
}

TEST(VerifyDataset, ChangesOutsideTheChunksAreFoundByTheHash) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(64, 64)});
  write_index(scan_shards(folder.path(), "test"));
  const int64_t position = find_bytes(folder / "a.h5", "act[t]: obs[t]");
  ASSERT_GT(position, 0);
  flip_bit(folder / "a.h5", position);
  const VerifyReport report = verify_dataset(folder / "*.h5", nullptr);
  ASSERT_GE(report.problems.size(), 1U);
  EXPECT_TRUE(contains(report.problems[0], "XXH3-64")) << report.problems[0];
}

TEST(VerifyDataset, MissingShardsAreNamed) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(8)});
  write_shard(folder / "b.h5", {numbered_episode(8)});
  write_index(scan_shards(folder.path(), "test"));
  std::filesystem::remove(folder / "b.h5");
  const VerifyReport report = verify_dataset(folder / "*.h5", nullptr);
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_TRUE(contains(report.problems[0], "b.h5: is missing"));
}

TEST(VerifyDataset, ABadShardDoesNotHideTheOthers) {
  const ScratchFolder folder;
  std::ofstream(folder / "a.h5") << "text";
  write_shard(folder / "b.h5", {numbered_episode(8)});
  std::ofstream(folder / "c.h5") << "text";
  const VerifyReport report = verify_dataset(folder / "*.h5", nullptr);
  EXPECT_EQ(report.problems.size(), 2U);
  EXPECT_EQ(report.frames, 8);
}

/// Any byte of a shard: either the checks name the shard, or what training reads is unchanged.
TEST(VerifyDataset, NoFlippedBitOfASmallShardGoesUnnoticed) {
  const ScratchFolder folder;
  MakeOptions options;
  options.world = "ball_and_paddle";
  options.out = folder / "d";
  options.episodes = 2;
  options.validation_episodes = 0;
  options.frames = 16;
  options.shards = 1;
  make_dataset(options, nullptr);
  const auto shard = folder / "d/train/shard-00000.h5";
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(shard));
  for (int64_t position = 0; position < bytes; position += 199) {
    flip_bit(shard, position);
    const VerifyReport report = verify_dataset(shard, nullptr);
    ASSERT_FALSE(report.problems.empty()) << position;
    EXPECT_TRUE(contains(report.problems[0], "shard-00000.h5"));
    flip_bit(shard, position);
  }
  EXPECT_TRUE(verify_dataset(shard, nullptr).problems.empty());
}

}  // namespace
}  // namespace nextframe
