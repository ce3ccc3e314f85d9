#include "data/shard_writer.h"

#include "data/column.h"
#include "data/shard_reader.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

TEST(ShardWriter, WritesAFileThatReadsBackEqual) {
  const ScratchFolder folder;
  for (const auto compression : {Compression::zstd, Compression::gzip, Compression::none}) {
    std::vector<RecordedEpisode> episodes;
    for (const int64_t frames : {37, 5, 300}) episodes.push_back(numbered_episode(frames));
    write_shard(folder / "a.h5", episodes, compression);
    const ShardReader reader(folder / "a.h5");
    EXPECT_EQ(reader.episode_frames(), (std::vector<int64_t>{37, 5, 300}));
    EXPECT_TRUE(reader.frames()->is_direct());
    EXPECT_TRUE(reader.frames()->has_checksum());
    for (size_t e = 0; e < episodes.size(); ++e) {
      const at::Tensor frames = at::empty_like(episodes[e].frames_THWC);
      reader.read_frames(reader.episode_offsets()[e], frames.size(0), 1,
                         frames.data_ptr<uint8_t>());
      EXPECT_TRUE(at::equal(frames, episodes[e].frames_THWC)) << e;
    }
  }
}

TEST(ShardWriter, EachColumnReadsBackEqual) {
  const ScratchFolder folder;
  const auto episode = numbered_episode(50);
  write_shard(folder / "a.h5", {episode});
  const H5File file = open_h5(folder / "a.h5");
  const at::Tensor pixels = read_column(file, "pixels").to(at::kByte);
  EXPECT_TRUE(at::equal(pixels, episode.frames_THWC));
  EXPECT_TRUE(at::equal(read_column(file, "action"), episode.actions));
  EXPECT_EQ(h5_names(file),
            (std::vector<std::string>{"action", "ep_len", "ep_offset", "pixels", "pixels_xxh3"}));
}

TEST(ShardWriter, SmoothFramesShrink) {
  const ScratchFolder folder;
  auto episode = numbered_episode(64, 64);
  episode.frames_THWC.fill_(7);
  write_shard(folder / "a.h5", {episode});
  EXPECT_LT(std::filesystem::file_size(folder / "a.h5"), 64U * 64 * 64 * 3 / 10);
}

TEST(ShardWriter, ChunksHoldAboutNinetySixKibibytes) {
  EXPECT_EQ(chunk_frames(64 * 64 * 3), 8);
  EXPECT_EQ(chunk_frames(224 * 224 * 3), 1);
  EXPECT_EQ(chunk_frames(8 * 8), 16);
}

TEST(ShardWriter, KeepsFurtherColumnsWithTheirTypes) {
  const ScratchFolder folder;
  auto episode = numbered_episode(6);
  episode.columns = {{"position", at::rand({6, 2, 2})}, {"contacts", at::ones({6}, at::kByte)}};
  write_shard(folder / "a.h5", {episode, episode});
  const H5File file = open_h5(folder / "a.h5");
  const at::Tensor position = read_column(file, "position");
  EXPECT_EQ(position.sizes(), (std::vector<int64_t>{12, 2, 2}));
  EXPECT_TRUE(at::equal(position.slice(0, 6), episode.columns[0].values));
  EXPECT_EQ(read_column(file, "contacts").sum().item<int64_t>(), 12);
}

TEST(ShardWriter, WithoutFinishNothingIsLeft) {
  const ScratchFolder folder;
  {
    ShardWriter writer(folder / "a.h5", three_actions(), Compression::zstd);
    writer.append(numbered_episode(10));
    EXPECT_TRUE(std::filesystem::exists(folder / "a.h5.nextframe.tmp"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ShardWriter, RefusesFramesOfAnotherSize) {
  const ScratchFolder folder;
  ShardWriter writer(folder / "a.h5", three_actions(), Compression::zstd);
  writer.append(numbered_episode(4, 8));
  const auto error = data_error_of([&] { writer.append(numbered_episode(4, 16)); });
  EXPECT_TRUE(contains(error, "[16, 16, 3]") && contains(error, "[8, 8, 3]")) << error;
}

TEST(ShardWriter, TheSameEpisodesGiveTheSameBytes) {
  const ScratchFolder folder;
  const auto episode = numbered_episode(600);
  write_shard(folder / "a.h5", {episode});
  write_shard(folder / "b.h5", {episode});
  std::ifstream a(folder / "a.h5", std::ios::binary), b(folder / "b.h5", std::ios::binary);
  const std::string bytes_a((std::istreambuf_iterator<char>(a)), {});
  const std::string bytes_b((std::istreambuf_iterator<char>(b)), {});
  EXPECT_GT(bytes_a.size(), 10000U);
  EXPECT_TRUE(bytes_a == bytes_b);
}

}  // namespace
}  // namespace nextframe
