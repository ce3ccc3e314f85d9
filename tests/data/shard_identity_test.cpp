#include "data/shard_identity.h"

#include "data/dataset.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

ShardIdentity shard(const std::string& name, const std::string& frames,
                    const std::string& episodes = "e") {
  return {.name = name,
          .frames = 160,
          .episodes = 4,
          .frame_shape = {8, 8, 3},
          .episode_hash = episodes,
          .action_hash = "a",
          .sample_hash = frames,
          .frames_hash = frames};
}

using Lines = std::vector<std::string>;

TEST(ShardIdentity, IsTheSameAfterALineOfText) {
  auto odd = shard("a name (1).h5", "f");
  odd.action_hash = odd.frames_hash = "";
  EXPECT_EQ(parse_shard_identity(to_line(odd)), odd);
  EXPECT_EQ(parse_shard_identity(to_line(shard("x", "f"))), shard("x", "f"));
  EXPECT_THROW(parse_shard_identity("160 4 8 8"), std::invalid_argument);
}

TEST(CompareShards, FindsRenamedFilesByContentAndKeepsTheRecordedOrder) {
  const auto difference =
      compare_shards({shard("0", "f"), shard("1", "g")}, {shard("a", "g"), shard("b", "f")});
  EXPECT_TRUE(difference.is_none());
  EXPECT_EQ(difference.order, (std::vector<size_t>{1, 0}));
}

TEST(CompareShards, GivesEqualShardsToTheirOwnNamesFirst) {
  const auto difference =
      compare_shards({shard("b", "f"), shard("a", "f")}, {shard("a", "f"), shard("b", "f")});
  EXPECT_EQ(difference.order, (std::vector<size_t>{1, 0}));
}

TEST(CompareShards, PutsNewShardsBehindTheRecordedOnes) {
  const auto difference = compare_shards({shard("m", "f")}, {shard("a", "g"), shard("m", "f")});
  EXPECT_EQ(difference.order, (std::vector<size_t>{1, 0}));
  EXPECT_EQ(difference.added, Lines{"a (4 episodes, 160 frames)"});
  EXPECT_TRUE(difference.lost.empty());
}

TEST(CompareShards, SaysWhatAShardHasThatItHadNot) {
  const auto lost = [](const ShardIdentity& now) {
    const auto difference = compare_shards({shard("m", "f")}, {now});
    EXPECT_TRUE(difference.added.empty() || now.name != "m");
    return difference.lost.at(0);
  };
  EXPECT_EQ(lost(shard("m", "g")), "m has other frames (its episodes and actions are the same)");
  EXPECT_EQ(lost(shard("n", "g")), "m (4 episodes, 160 frames) is not there any more");
  EXPECT_EQ(lost(shard("m", "f", "x")),
            "m has its episodes cut elsewhere (4 episodes, 160 frames as before)");
  auto other = shard("m", "f");
  other.action_hash = "x";
  EXPECT_EQ(lost(other), "m has other actions, and the same frames");
  other.frame_shape = {16, 8, 3};
  EXPECT_EQ(lost(other), "m has frames of 16x8x3, and had frames of 8x8x3");
}

TEST(CompareShards, GoesByTheSampleWhereNotAllFramesWereReadOfBoth) {
  auto sampled = shard("m", "f");
  sampled.frames_hash = "";
  EXPECT_TRUE(compare_shards({sampled}, {shard("m", "f")}).is_none());
  auto other = shard("m", "f");
  other.frames_hash = "g";
  EXPECT_FALSE(compare_shards({other}, {shard("m", "f")}).is_none());
}

TEST(ShardsInCommon, AreFoundByContentAndTold) {
  const std::vector<ShardIdentity> known{shard("t", "f"), shard("u", "g")};
  EXPECT_EQ(shards_in_common(known, {shard("v", "g"), shard("w", "h")}), Lines{"v"});
  EXPECT_EQ(describe_shards_in_common(known, {shard("w", "h")}), "");
  EXPECT_TRUE(contains(describe_shards_in_common(known, {shard("w", "f")}),
                       "1 of its 1 shard holds what a shard of data.train holds (w)"));
}

/// Every frame counts, in every shard of a small set.
TEST(ShardIdentity, ChangesWithASingleByteOfAFrame) {
  const ScratchFolder folder;
  auto episode = numbered_episode(300);
  write_shard(folder / "a.h5", {episode}, Compression::none);
  const auto before = Dataset(folder / "*.h5", 8, 1).identities();
  for (const int64_t frame : {0, 123, 299}) {
    auto changed = episode;
    changed.frames_THWC = episode.frames_THWC.clone();
    changed.frames_THWC[frame][3][3][0] += 1;
    write_shard(folder / "a.h5", {changed}, Compression::none);
    const auto difference = compare_shards(before, Dataset(folder / "*.h5", 8, 1).identities());
    EXPECT_EQ(difference.lost,
              Lines{"a.h5 has other frames (its episodes and actions are the same)"})
        << frame;
  }
}

TEST(Dataset, ArrangesItsShards) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(20), numbered_episode(5)});
  write_shard(folder / "b.h5", {numbered_episode(30)});
  Dataset dataset(folder / "*.h5", 8, 1);
  EXPECT_EQ(dataset.num_clips_of(1), 13);
  const auto fingerprint = dataset.fingerprint();
  dataset.arrange({1, 0});
  EXPECT_EQ(dataset.num_clips_of(1), 23);
  EXPECT_EQ(dataset.num_clips(), 36);
  EXPECT_EQ(dataset.num_episodes(), 3);
  EXPECT_EQ(dataset.num_frames(), 55);
  EXPECT_EQ(dataset.episode_frames(0), 30);
  EXPECT_NE(dataset.fingerprint(), fingerprint);
  dataset.arrange({1, 0});
  EXPECT_EQ(dataset.fingerprint(), fingerprint);
}

}  // namespace
}  // namespace nextframe
