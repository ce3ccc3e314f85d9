#include "data/dataset.h"

#include <set>

#include "data/column.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

/// Two shards: episodes of 20 and 5 frames, then one of 30.
void write_two_shards(const ScratchFolder& folder) {
  write_shard(folder / "a.h5", {numbered_episode(20), numbered_episode(5)});
  write_shard(folder / "b.h5", {numbered_episode(30)});
}

std::vector<int64_t> frame_numbers(const at::Tensor& frames_THWC) {
  const at::Tensor numbers = frames_THWC.flatten(1).select(1, 0).to(at::kLong).contiguous();
  return {numbers.const_data_ptr<int64_t>(), numbers.const_data_ptr<int64_t>() + numbers.numel()};
}

TEST(Dataset, NumbersEveryWindowOfEveryEpisodeOnce) {
  const ScratchFolder folder;
  write_two_shards(folder);
  const Dataset dataset(folder / "*.h5", 8, 1);
  EXPECT_EQ(dataset.num_episodes(), 3);
  EXPECT_EQ(dataset.num_frames(), 55);
  EXPECT_EQ(dataset.num_short_episodes(), 1);
  EXPECT_EQ(dataset.num_clips(), 13 + 0 + 23);
  EXPECT_EQ(dataset.episode_frames(1), 5);
  Batch batch = make_batch(dataset.shape(), 1);
  std::multiset<int64_t> starts;
  for (int64_t clip = 0; clip < dataset.num_clips(); ++clip) {
    dataset.read_clip(clip, batch, 0);
    const auto numbers = frame_numbers(batch.frames_BTHWC[0]);
    for (size_t t = 1; t < numbers.size(); ++t) EXPECT_EQ(numbers[t], numbers[0] + int64_t(t));
    starts.insert(numbers[0]);
    EXPECT_EQ(batch.sample_ids_B[0].item<int64_t>(), clip);
  }
  EXPECT_EQ(starts.count(0), 2U);
  EXPECT_EQ(starts.count(12), 2U);
  EXPECT_EQ(starts.count(22), 1U);
}

TEST(Dataset, ClipsHoldTheFramesOfTheirEpisode) {
  const ScratchFolder folder;
  const auto episode = numbered_episode(60);
  write_shard(folder / "a.h5", {numbered_episode(9), episode});
  const Dataset dataset(folder / "*.h5", 10, 1);
  Batch batch = make_batch(dataset.shape(), 3);
  for (int64_t start = 0; start <= 50; ++start) {
    dataset.read_clip(start, batch, start % 3);
    EXPECT_TRUE(
        at::equal(batch.frames_BTHWC[start % 3], episode.frames_THWC.slice(0, start, start + 10)))
        << start;
  }
}

TEST(Dataset, DiscreteActionsAreOneHot) {
  const ScratchFolder folder;
  write_two_shards(folder);
  const Dataset dataset(folder / "*.h5", 8, 1);
  EXPECT_EQ(dataset.shape().action_width, 3);
  Batch batch = make_batch(dataset.shape(), 1);
  batch.actions_BTA.fill_(9);  // old values must not shine through
  dataset.read_clip(1, batch, 0);
  EXPECT_TRUE(at::equal(batch.actions_BTA[0].argmax(1), at::arange(1, 9).remainder(3)));
  EXPECT_EQ(batch.actions_BTA.sum().item<float>(), 8);
}

TEST(Dataset, StrideTakesEveryNthFrameAndJoinsTheActionsBetween) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(40)});
  const Dataset dataset(folder / "*.h5", 5, 4);
  EXPECT_EQ(dataset.num_clips(), 40 - 17 + 1);
  EXPECT_EQ(dataset.shape().action_width, 12);
  Batch batch = make_batch(dataset.shape(), 1);
  dataset.read_clip(3, batch, 0);
  EXPECT_EQ(frame_numbers(batch.frames_BTHWC[0]), (std::vector<int64_t>{3, 7, 11, 15, 19}));
  const at::Tensor chosen = batch.actions_BTA[0].view({20, 3}).argmax(1);
  EXPECT_TRUE(at::equal(chosen, at::arange(3, 23).remainder(3)));
  dataset.read_clip(23, batch, 0);  // its last action needs frames behind the episode's end
  EXPECT_EQ(frame_numbers(batch.frames_BTHWC[0]).back(), 39);
  EXPECT_EQ(batch.actions_BTA[0][4].sum().item<float>(), 1);
}

TEST(Dataset, ReadsPartsOfEpisodes) {
  const ScratchFolder folder;
  write_two_shards(folder);
  const Dataset dataset(folder / "*.h5", 4, 2);
  const Episode episode = dataset.read_episode(2, 10, 7);
  EXPECT_EQ(frame_numbers(episode.frames_THWC), (std::vector<int64_t>{10, 12, 14, 16}));
  EXPECT_EQ(episode.actions_TA.sizes(), (std::vector<int64_t>{4, 6}));
  EXPECT_THROW(dataset.read_episode(2, 25, 6), c10::Error);
  EXPECT_THROW(dataset.read_episode(3, 0, 1), c10::Error);
}

TEST(Dataset, ContinuousActionsAreTakenAsTheyAre) {
  const ScratchFolder folder;
  auto episode = numbered_episode(12);
  episode.actions = at::rand({12, 2});
  ShardInfo info;
  info.action_space = {ActionSpace::Kind::continuous, 2, {}};
  write_shard(folder / "a.h5", {episode}, Compression::zstd, info);
  const Dataset dataset(folder / "*.h5", 4, 1);
  Batch batch = make_batch(dataset.shape(), 1);
  dataset.read_clip(5, batch, 0);
  EXPECT_TRUE(at::equal(batch.actions_BTA[0], episode.actions.slice(0, 5, 9)));
}

TEST(Dataset, GreyFramesWithoutActionsHaveOneChannelAndNoWidth) {
  const ScratchFolder folder;
  auto episode = numbered_episode(12, 8, 1);
  episode.actions = at::Tensor();
  write_shard(folder / "a.h5", {episode}, Compression::zstd, ShardInfo{});
  const Dataset dataset(folder / "*.h5", 4, 1);
  EXPECT_EQ(dataset.shape().channels, 1);
  EXPECT_EQ(dataset.shape().action_width, 0);
  Batch batch = make_batch(dataset.shape(), 2);
  dataset.read_clip(8, batch, 1);
  EXPECT_EQ(frame_numbers(batch.frames_BTHWC[1]), (std::vector<int64_t>{8, 9, 10, 11}));
  EXPECT_TRUE(batch.mask_BT.all().item<bool>());
}

TEST(Dataset, TheTrainingSetGivesTheActionWidth) {
  const ScratchFolder folder;
  write_two_shards(folder);
  EXPECT_EQ(Dataset(folder / "*.h5", 8, 1, 5).action_width(), 5);
  const auto error = data_error_of([&] { Dataset(folder / "*.h5", 8, 1, 2); });
  EXPECT_TRUE(contains(error, "the training data 2")) << error;
}

TEST(Dataset, TheFingerprintFollowsTheContentNotThePlace) {
  const ScratchFolder folder, elsewhere;
  write_two_shards(folder);
  const std::string before = Dataset(folder / "*.h5", 8, 1).fingerprint();
  for (const auto* name : {"a.h5", "b.h5"}) {
    std::filesystem::copy_file(folder / name, elsewhere / name);
  }
  EXPECT_EQ(Dataset(elsewhere / "*.h5", 4, 2).fingerprint(), before);
  auto episode = numbered_episode(30);
  episode.actions[7] = 0;
  write_shard(folder / "b.h5", {episode});
  EXPECT_NE(Dataset(folder / "*.h5", 8, 1).fingerprint(), before);
}

}  // namespace
}  // namespace nextframe
