// Shards and Python, both ways: h5py reads ours, we read h5py's, and the script in the docs works.
#include <cstdlib>

#include "data/dataset.h"
#include "data/import_dataset.h"
#include "data/shard_reader.h"
#include "data/verify_dataset.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

const std::string kSource = NF_SOURCE_DIR;

/// Runs .deps/tests/bin/python in `folder`.
void run_python(const std::filesystem::path& folder, const std::string& arguments) {
  const std::string python = kSource + "/.deps/tests/bin/python";
  ASSERT_TRUE(std::filesystem::exists(python))
      << python << " is missing: run scripts/setup --tests";
  const std::string command = "cd '" + folder.string() + "' && '" + python + "' " + arguments;
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Python, H5pyReadsOurShards) {
  const ScratchFolder folder;
  const auto first = numbered_episode(21), second = numbered_episode(30);
  const at::Tensor all = at::cat({first.frames_THWC, second.frames_THWC});
  std::ofstream(folder / "raw", std::ios::binary)
      .write(static_cast<const char*>(all.const_data_ptr()), static_cast<int64_t>(all.nbytes()));
  const std::string script = "'" + kSource + "/tests/data/read_shard.py' ";
  write_shard(folder / "zstd.h5", {first, second}, Compression::zstd);
  run_python(folder.path(), script + "zstd.h5 raw hdf5plugin");
  write_shard(folder / "gzip.h5", {first, second}, Compression::gzip);
  run_python(folder.path(), script + "gzip.h5 raw");
  write_shard(folder / "none.h5", {first, second}, Compression::none);
  run_python(folder.path(), script + "none.h5 raw");
}

class ForeignFiles : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new ScratchFolder;
    run_python(folder_->path(), "'" + kSource + "/tests/data/foreign_files.py' .");
  }
  static void TearDownTestSuite() { delete folder_; }

  void SetUp() override {
    const std::string bytes = read_bytes(*folder_ / "pixels.raw");
    ASSERT_EQ(bytes.size(), 87U * 24 * 40 * 3);
    pixels_ = at::empty({87, 24, 40, 3}, at::kByte);
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(pixels_.data_ptr()));
  }

  /// Every window of every episode, with both strides, against the raw pixels.
  void expect_all_clips(const std::filesystem::path& path, const at::Tensor& pixels) const {
    for (const int64_t stride : {1, 3}) {
      const Dataset dataset(path, 6, stride);
      const int64_t span = 5 * stride + 1;
      Batch batch = make_batch(dataset.shape(), 1);
      int64_t clip = 0;
      for (const auto& [offset, frames] : {std::pair{0, 30}, {30, 7}, {37, 50}}) {
        for (int64_t start = 0; start + span <= frames; ++start, ++clip) {
          dataset.read_clip(clip, batch, 0);
          const int64_t row = offset + start;
          ASSERT_TRUE(at::equal(batch.frames_BTHWC[0], pixels.slice(0, row, row + span, stride)))
              << path << " clip " << clip << " stride " << stride;
        }
      }
      EXPECT_EQ(clip, dataset.num_clips());
    }
  }

  static inline ScratchFolder* folder_ = nullptr;
  at::Tensor pixels_;
};

TEST_F(ForeignFiles, AreReadUnconverted) {
  for (const std::string name :
       {"contiguous", "frame_chunks", "auto_chunks", "odd_chunks", "gzip_shuffle", "gzip_fletcher",
        "zstd", "zstd_fletcher", "zstd_tiles", "lzf", "lzf_shuffle", "lz4", "blosc", "bitshuffle",
        "bitshuffle_zstd", "bitshuffle_raw", "szip", "scaleoffset", "lz4_tiles"}) {
    expect_all_clips(*folder_ / (name + ".h5"), pixels_);
  }
}

TEST_F(ForeignFiles, ChunksOfWholeFramesAreDecodedByUs) {
  for (const std::string name : {"frame_chunks", "odd_chunks", "gzip_fletcher", "gzip_shuffle",
                                 "zstd", "zstd_fletcher", "lzf", "lz4", "blosc", "bitshuffle"}) {
    EXPECT_TRUE(ShardReader(*folder_ / (name + ".h5")).frames()->is_direct()) << name;
  }
  EXPECT_TRUE(ShardReader(*folder_ / "zstd_fletcher.h5").frames()->has_checksum());
}

TEST_F(ForeignFiles, DiscreteActionsAreCountedAndFollowTheTrainingSet) {
  EXPECT_EQ(Dataset(*folder_ / "zstd.h5", 6, 1).shape().action_width, 5);
  EXPECT_EQ(Dataset(*folder_ / "zstd.h5", 6, 1, 8).shape().action_width, 8);
}

TEST_F(ForeignFiles, GreyFramesAndOneNumberAnAction) {
  const Dataset dataset(*folder_ / "grey_continuous.h5", 6, 1);
  EXPECT_EQ(dataset.shape().channels, 1);
  EXPECT_EQ(dataset.shape().action_width, 1);
  EXPECT_EQ(dataset.read_episode(2, 3, 1).actions_TA.item<float>(), 20.0F);
  expect_all_clips(*folder_ / "grey_continuous.h5", pixels_.slice(3, 0, 1));
}

TEST_F(ForeignFiles, AFilterThatIsNotThereIsNamed) {
  const auto error = data_error_of([&] { Dataset(*folder_ / "bzip2.h5", 6, 1); });
  EXPECT_TRUE(contains(error, "bzip2.h5") && contains(error, "HDF5_PLUGIN_PATH") &&
              contains(error, "h5repack -f GZIP=4"))
      << error;
}

TEST_F(ForeignFiles, WithoutChecksumsVerifySaysSo) {
  const VerifyReport report = verify_dataset(*folder_ / "zstd.h5", nullptr);
  EXPECT_TRUE(report.problems.empty());
  EXPECT_EQ(report.chunks_unchecked, 22);
}

TEST_F(ForeignFiles, NpzFilesAreImported) {
  const ScratchFolder out;
  for (const std::string name : {"stored", "deflated", "grey"}) {
    ImportOptions options;
    options.source = *folder_ / (name + ".npz");
    options.out = out / name;
    EXPECT_TRUE(import_dataset(options, nullptr));
    const auto pixels = name == "grey" ? pixels_.slice(3, 0, 1) : pixels_;
    expect_all_clips(out / (name + "/train/shard-00000.h5"), pixels);
  }
  EXPECT_EQ(Dataset(out / "stored/train/*.h5", 6, 1).shape().action_width, 5);
  EXPECT_EQ(Dataset(out / "grey/train/*.h5", 6, 1).shape().action_width, 0);
  const auto actions = Dataset(out / "deflated/train/*.h5", 6, 1).read_episode(2, 3, 1).actions_TA;
  EXPECT_TRUE(at::equal(actions, at::tensor({20.F, -40.F}).view({1, 2})));
}

TEST_F(ForeignFiles, WrongNpzFilesAreNamed) {
  const ScratchFolder out;
  const auto error_of = [&](const std::filesystem::path& source) {
    ImportOptions options;
    options.source = source;
    options.out = out / "d";
    return data_error_of([&] { import_dataset(options, nullptr); });
  };
  EXPECT_TRUE(contains(error_of(*folder_ / "no_ends.npz"), "no array 'episode_ends'"));
  EXPECT_TRUE(contains(error_of(*folder_ / "float_frames.npz"), "--frames-range"));
  const std::string bytes = read_bytes(*folder_ / "deflated.npz");
  std::ofstream(out / "cut.npz", std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  EXPECT_TRUE(contains(error_of(out / "cut.npz"), "cut.npz"));
  std::ofstream(out / "flipped.npz", std::ios::binary) << bytes;
  flip_bit(out / "flipped.npz", static_cast<int64_t>(bytes.size() / 3));
  EXPECT_TRUE(contains(error_of(out / "flipped.npz"), "flipped.npz"));
}

TEST(Python, TheScriptInTheDocsWritesAShard) {
  const ScratchFolder folder;
  const std::string page = read_bytes(kSource + "/docs/add-a-dataset.md");
  const auto begin = page.find("```python\n");
  ASSERT_NE(begin, std::string::npos);
  const auto end = page.find("```\n", begin + 10);
  std::ofstream(folder / "script.py") << page.substr(begin + 10, end - begin - 10);
  run_python(folder.path(), "script.py");
  const Dataset dataset(folder / "*.h5", 16, 1);
  EXPECT_EQ(dataset.num_episodes(), 3);
  EXPECT_EQ(dataset.num_frames(), 125);
  EXPECT_EQ(dataset.shape().action_width, 5);
  const VerifyReport report = verify_dataset(folder / "*.h5", nullptr);
  EXPECT_TRUE(report.problems.empty());
  EXPECT_EQ(report.chunks_unchecked, 0);
}

}  // namespace
}  // namespace nextframe
