// What a person reads when a shard is wrong: the file, what was found, what is needed, what to do.
#include "data/column.h"
#include "data/dataset.h"
#include "data/shard_index.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

std::string open_error(const std::filesystem::path& glob) {
  return data_error_of([&] { Dataset(glob, 4, 1); });
}

/// A file with the given columns and no attributes.
void write_foreign(const std::filesystem::path& path,
                   const std::vector<std::pair<std::string, at::Tensor>>& columns) {
  const H5File file = create_h5(path);
  for (const auto& [name, values] : columns) write_column(file, name, values);
}

at::Tensor integers(std::vector<int64_t> values) { return at::tensor(values, at::kLong); }

TEST(BadShard, NoMatchNamesTheGlob) {
  const ScratchFolder folder;
  const auto error = open_error(folder / "*.h5");
  EXPECT_TRUE(contains(error, folder.path().string() + "/*.h5") && contains(error, "data make"))
      << error;
}

TEST(BadShard, FoldersAreAnsweredWithAGlob) {
  const ScratchFolder folder;
  EXPECT_TRUE(contains(open_error(folder.path()), "/*.h5'"));
}

TEST(BadShard, OtherFilesAreNotHdf5) {
  const ScratchFolder folder;
  std::ofstream(folder / "a.h5") << "a text";
  const auto error = open_error(folder / "a.h5");
  EXPECT_TRUE(contains(error, "a.h5: not an HDF5 file")) << error;
}

TEST(BadShard, TruncationIsFoundWithoutAnIndex) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(100)});
  std::filesystem::resize_file(folder / "a.h5", std::filesystem::file_size(folder / "a.h5") - 100);
  const auto error = open_error(folder / "a.h5");
  EXPECT_TRUE(contains(error, "a.h5") && contains(error, "truncated")) << error;
}

TEST(BadShard, TruncationIsCountedInBytesWithAnIndex) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "train");
  write_shard(folder / "train/a.h5", {numbered_episode(100)});
  write_index(scan_shards(folder.path(), "test"));
  EXPECT_EQ(open_error(folder / "train/*.h5"), "");
  const auto bytes = std::filesystem::file_size(folder / "train/a.h5");
  std::filesystem::resize_file(folder / "train/a.h5", bytes - 1);
  const auto error = open_error(folder / "train/*.h5");
  EXPECT_TRUE(contains(error, std::to_string(bytes - 1)) && contains(error, std::to_string(bytes)))
      << error;
}

TEST(BadShard, MissingColumnsAreNamed) {
  const ScratchFolder folder;
  const auto pixels = at::zeros({8, 4, 4, 3}, at::kByte);
  write_foreign(folder / "a.h5", {{"ep_len", integers({8})}, {"ep_offset", integers({0})}});
  EXPECT_TRUE(contains(open_error(folder / "a.h5"), "no column 'pixels' (columns: ep_len ep_off"));
  write_foreign(folder / "b.h5", {{"pixels", pixels}, {"ep_offset", integers({0})}});
  EXPECT_TRUE(contains(open_error(folder / "b.h5"), "b.h5: has no column 'ep_len'"));
  write_foreign(folder / "c.h5", {{"pixels", at::zeros({8, 4, 4, 4}, at::kByte)}});
  EXPECT_TRUE(contains(open_error(folder / "c.h5"), "[8, 4, 4, 4]"));
  write_foreign(folder / "d.h5", {{"pixels", at::zeros({8, 4, 4, 3})}});
  EXPECT_TRUE(contains(open_error(folder / "d.h5"), "not uint8"));
}

TEST(BadShard, EpisodeLengthsMustSumToTheFrames) {
  const ScratchFolder folder;
  write_foreign(folder / "a.h5", {{"pixels", at::zeros({8, 4, 4, 3}, at::kByte)},
                                  {"ep_len", integers({4, 5})},
                                  {"ep_offset", integers({0, 4})}});
  const auto error = open_error(folder / "a.h5");
  EXPECT_TRUE(contains(error, "2 episodes of 9 frames") && contains(error, "pixels 8")) << error;
  write_foreign(folder / "b.h5", {{"pixels", at::zeros({8, 4, 4, 3}, at::kByte)},
                                  {"ep_len", integers({4, 4})},
                                  {"ep_offset", integers({0, 5})}});
  EXPECT_TRUE(contains(open_error(folder / "b.h5"), "episode 1 is 4 rows from 5 on, of 8"));
}

TEST(BadShard, OurShardsKeepEpisodesInOrder) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(8), numbered_episode(9)});
  {
    const H5Lock lock;
    const H5File file(H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "open");
    H5Ldelete(file.get(), "ep_offset", H5P_DEFAULT);
    write_column(file, "ep_offset", integers({0, 7}));
  }
  EXPECT_TRUE(contains(open_error(folder / "a.h5"), "episode 1 is 9 rows from 7 on, of 17"));
}

TEST(BadShard, FramesOfImpossibleSizeAreRefused) {
  const ScratchFolder folder;
  write_foreign(folder / "a.h5", {{"pixels", at::zeros({1, 1, 40000, 1}, at::kByte)}});
  EXPECT_TRUE(contains(open_error(folder / "a.h5"), "frames of 1x40000"));
}

TEST(BadShard, WrongActionsAreNamed) {
  const ScratchFolder folder;
  const auto write = [&](const at::Tensor& actions) {
    write_foreign(folder / "a.h5", {{"pixels", at::zeros({4, 4, 4, 3}, at::kByte)},
                                    {"action", actions},
                                    {"ep_len", integers({4})},
                                    {"ep_offset", integers({0})}});
    return open_error(folder / "a.h5");
  };
  EXPECT_EQ(write(integers({0, 1, 0, 2})), "");
  EXPECT_TRUE(contains(write(integers({0, 1, 0})), "[3] for 4 frames"));
  EXPECT_TRUE(contains(write(integers({0, -1, 0, 1})), "negative"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(write(at::tensor({0.F, 1.F, 0.F, nan})), "");
  EXPECT_TRUE(contains(write(at::tensor({0.F, nan, 0.F, 0.F})), "not finite at frame 1"));
}

TEST(BadShard, UnfinishedShardsAreIncomplete) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(8)});
  {
    const H5Lock lock;
    const H5File file(H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "open");
    H5Adelete(file.get(), "complete");
  }
  const auto error = open_error(folder / "a.h5");
  EXPECT_TRUE(contains(error, "a.h5: is incomplete")) << error;
}

TEST(BadShard, OurShardsHaveChecksums) {
  const ScratchFolder folder;
  write_foreign(folder / "a.h5", {{"pixels", at::zeros({8, 4, 4, 3}, at::kByte)},
                                  {"ep_len", integers({8})},
                                  {"ep_offset", integers({0})}});
  EXPECT_EQ(open_error(folder / "a.h5"), "");
  write_shard(folder / "b.h5", {numbered_episode(8)});
  {
    const H5Lock lock;
    const H5File file(H5Fopen((folder / "b.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "open");
    H5Ldelete(file.get(), "pixels", H5P_DEFAULT);
    const hsize_t shape[] = {8, 8, 8, 3};
    const H5Space space(H5Screate_simple(4, shape, nullptr), "create");
    const H5Dataset pixels(H5Dcreate2(file.get(), "pixels", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                                      H5P_DEFAULT, H5P_DEFAULT),
                           "create");
    const std::vector<uint8_t> black(8 * 8 * 8 * 3);
    H5Dwrite(pixels.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, black.data());
  }
  EXPECT_TRUE(contains(open_error(folder / "b.h5"), "(contiguous) have no fletcher32 checksums"));
}

TEST(BadShard, FramesOfTwoSizesAreRefused) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(8, 8)});
  write_shard(folder / "b.h5", {numbered_episode(8, 16)});
  const auto error = open_error(folder / "*.h5");
  EXPECT_TRUE(contains(error, "b.h5: has frames of 16x16x3") && contains(error, "8x8x3")) << error;
}

TEST(BadShard, EpisodesThatAreAllTooShortAreAnError) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {numbered_episode(3)});
  EXPECT_TRUE(contains(open_error(folder / "a.h5"), "data.clip_frames"));
}

TEST(BadShard, AFlippedBitNamesShardChunkFramesAndEpisode) {
  const ScratchFolder folder;
  for (const auto compression : {Compression::zstd, Compression::gzip, Compression::none}) {
    const auto episode = numbered_episode(64, 64);  // noise: a chunk of 8 frames, hardly smaller
    write_shard(folder / "a.h5", {numbered_episode(20, 64), episode}, compression);
    flip_bit(folder / "a.h5", 3 * 98304 + 50000);
    const Dataset dataset(folder / "a.h5", 4, 1);
    Batch batch = make_batch(dataset.shape(), 1);
    std::string error;
    for (int64_t clip = 0; clip < dataset.num_clips() && error.empty(); ++clip) {
      error = data_error_of([&] { dataset.read_clip(clip, batch, 0); });
    }
    EXPECT_TRUE(contains(error, "a.h5: chunk 3, frames 24 to 31, episode 1: its fletcher32"))
        << error;
  }
}

/// Whoever changes a shard of ours learns of it, attribute by attribute and column by column.
TEST(BadShard, OurShardsAreWhatTheirChecksumSays) {
  const ScratchFolder folder;
  const auto edit = [&](const std::function<void(const H5File&)>& change) {
    write_shard(folder / "a.h5", {numbered_episode(20), numbered_episode(20)});
    EXPECT_EQ(open_error(folder / "a.h5"), "");
    {
      const H5Lock lock;
      const H5File file(H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "open");
      change(file);
    }
    return open_error(folder / "a.h5");
  };
  const auto replace = [](const H5File& file, const char* name, const at::Tensor& values) {
    H5Ldelete(file.get(), name, H5P_DEFAULT);
    write_column(file, name, values);
  };
  for (const char* name : {"license", "generator", "colorspace", "fps"}) {
    EXPECT_TRUE(
        contains(edit([&](const H5File& file) { H5Adelete(file.get(), name); }), "content_xxh3"))
        << name;
  }
  EXPECT_TRUE(contains(
      edit([&](const H5File& file) { replace(file, "action", at::zeros({40}, at::kLong)); }),
      "content_xxh3"));
  EXPECT_TRUE(contains(edit([&](const H5File& file) {
                         replace(file, "pixels_xxh3", integers({1, 2, 3}));
                       }),
                       "content_xxh3"));
  EXPECT_TRUE(contains(edit([&](const H5File& file) {
                         replace(file, "pixels_xxh3", integers({1, 2}));
                       }),
                       "is int64 [2] for 3 chunks"));
  EXPECT_EQ(edit([&](const H5File& file) { H5Adelete(file.get(), "content_xxh3"); }), "");
}

/// fletcher32 alone takes 0xffff for 0x0000.
TEST(BadShard, ChunksHaveTheHashesThatTheShardLists) {
  const ScratchFolder folder;
  auto episode = numbered_episode(32);
  const std::string mark = "this is the first frame";
  episode.frames_THWC.fill_(0);
  std::copy(mark.begin(), mark.end(), episode.frames_THWC.data_ptr<uint8_t>());
  write_shard(folder / "a.h5", {episode}, Compression::none);
  const int64_t chunk = find_bytes(folder / "a.h5", mark);
  ASSERT_GT(chunk, 0);
  std::fstream file(folder / "a.h5", std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(chunk + 64);
  file.write("\xff\xff", 2);
  file.close();
  const Dataset dataset(folder / "a.h5", 4, 1);
  Batch batch = make_batch(dataset.shape(), 1);
  EXPECT_TRUE(contains(data_error_of([&] { dataset.read_clip(0, batch, 0); }), "pixels_xxh3"));
}

}  // namespace
}  // namespace nextframe
