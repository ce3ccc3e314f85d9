#include "data/import_dataset.h"

#include "data/dataset.h"
#include "data/shard_index.h"
#include "tests/data/recordings.h"

namespace nextframe {
namespace {

/// A grey or RGB ramp that starts at `first`.
at::Tensor ramp(int64_t first, int64_t height, int64_t width, int64_t channels) {
  return at::arange(first, first + height * width * channels)
      .remainder(256)
      .to(at::kByte)
      .view({height, width, channels});
}

/// frames/a and frames/b: 6 and 4 frames of 8x12 pixels, without actions.
void write_episodes(const ScratchFolder& folder, int64_t channels) {
  for (const auto& [name, frames] : {std::pair{"a", 6}, std::pair{"b", 4}}) {
    std::filesystem::create_directories(folder / ("frames/" + std::string(name)));
    for (int64_t t = 0; t < frames; ++t) {
      write_png(folder / c10::str("frames/", name, "/", t, ".png"),
                ramp(name[0] + t, 8, 12, channels));
    }
  }
}

bool import_frames(const ScratchFolder& folder, int64_t validation_episodes = 0) {
  ImportOptions options;
  options.source = folder / "frames";
  options.out = folder / "d";
  options.validation_episodes = validation_episodes;
  return import_dataset(options, nullptr);
}

TEST(ImportImageFolder, KeepsEveryPixelInTheOrderOfNames) {
  for (const int64_t channels : {1, 3}) {
    const ScratchFolder folder;
    write_episodes(folder, channels);
    EXPECT_TRUE(import_frames(folder));
    const Dataset dataset(folder / "d/train/*.h5", 4, 1);
    EXPECT_EQ(dataset.num_episodes(), 2);
    const ClipShape shape = dataset.shape();
    EXPECT_EQ(shape.height_px, 8);
    EXPECT_EQ(shape.width_px, 12);
    EXPECT_EQ(shape.channels, channels);
    EXPECT_EQ(shape.action_width, 0);
    const at::Tensor frames = dataset.read_episode(1, 0, 4).frames_THWC;
    for (int64_t t = 0; t < 4; ++t)
      EXPECT_TRUE(at::equal(frames[t], ramp('b' + t, 8, 12, channels)));
  }
}

TEST(ImportImageFolder, HoldsOutTheEpisodeThatTheSeedDraws) {
  const ScratchFolder folder;
  write_episodes(folder, 3);
  import_frames(folder, 1);
  const bool is_first = draw_held_out(2, 1, 0).front() == 0;
  EXPECT_EQ(Dataset(folder / "d/validation/*.h5", 2, 1).episode_frames(0), is_first ? 6 : 4);
  EXPECT_EQ(Dataset(folder / "d/train/*.h5", 2, 1).episode_frames(0), is_first ? 4 : 6);
}

TEST(ImportImageFolder, HoldingOutEverythingIsAnError) {
  const ScratchFolder folder;
  write_episodes(folder, 3);
  EXPECT_TRUE(contains(data_error_of([&] { import_frames(folder, 2); }), "none is left to train"));
}

TEST(ImportImageFolder, ReadsDiscreteActions) {
  const ScratchFolder folder;
  write_episodes(folder, 3);
  std::ofstream(folder / "frames/a/actions.csv") << "action\n0\n1\n2\n3\n0\n1\n";
  std::ofstream(folder / "frames/b/actions.csv") << "1\n1\n2\n";  // the last one is left out
  import_frames(folder);
  const Dataset dataset(folder / "d/train/*.h5", 4, 1);
  ASSERT_EQ(dataset.shape().action_width, 4);
  const at::Tensor actions = dataset.read_episode(1, 0, 4).actions_TA.argmax(1);
  EXPECT_TRUE(at::equal(actions, at::tensor({1, 1, 2, 0}, at::kLong)));
}

TEST(ImportImageFolder, ReadsContinuousActions) {
  const ScratchFolder folder;
  write_episodes(folder, 3);
  std::ofstream(folder / "frames/a/actions.csv") << "0.5,1\r\n1,2\r\n1,2\r\n1,2\r\n1,2\r\n1,2\r\n";
  std::ofstream(folder / "frames/b/actions.csv") << "1, -2\n3, 4\n5, 6\n7, 8e-1\n";
  import_frames(folder);
  const Dataset dataset(folder / "d/train/*.h5", 4, 1);
  const at::Tensor actions = dataset.read_episode(1, 0, 4).actions_TA;
  EXPECT_TRUE(
      at::equal(actions, at::tensor({1.F, -2.F, 3.F, 4.F, 5.F, 6.F, 7.F, .8F}).view({4, 2})));
}

TEST(ImportImageFolder, WrongActionFilesAreNamed) {
  const ScratchFolder folder;
  write_episodes(folder, 3);
  std::ofstream(folder / "frames/a/actions.csv") << "0\n1\n";
  EXPECT_TRUE(contains(data_error_of([&] { import_frames(folder); }), "2 rows for 6 frames"));
  std::ofstream(folder / "frames/a/actions.csv") << "0\n1\nx\n1\n1\n1\n";
  EXPECT_TRUE(contains(data_error_of([&] { import_frames(folder); }), "a/actions.csv:3: 'x'"));
  std::ofstream(folder / "frames/a/actions.csv") << "0\n1\n1\n1\n1\n1\n";
  EXPECT_TRUE(contains(data_error_of([&] { import_frames(folder); }), "b/actions.csv: is missing"));
}

TEST(ImportImageFolder, FramesOfAnotherSizeAreNamed) {
  const ScratchFolder folder;
  write_episodes(folder, 3);
  write_png(folder / "frames/b/9.png", ramp(0, 16, 16, 3));
  const auto error = data_error_of([&] { import_frames(folder); });
  EXPECT_TRUE(contains(error, "b/9.png") && contains(error, "[16, 16, 3]")) << error;
  std::ofstream(folder / "frames/b/9.png") << "no picture";
  EXPECT_TRUE(contains(data_error_of([&] { import_frames(folder); }), "b/9.png: cannot be read"));
}

TEST(ImportDataset, TheSameImportAgainFindsItFinished) {
  const ScratchFolder folder;
  write_episodes(folder, 1);
  EXPECT_TRUE(import_frames(folder));
  EXPECT_FALSE(import_frames(folder));
}

TEST(ImportDataset, ASourceThatHasChangedIsImportedAgainOnlyIfItIsToReplace) {
  const ScratchFolder folder;
  write_episodes(folder, 1);
  import_frames(folder);
  write_png(folder / "frames/b/0.png", ramp(7, 8, 12, 1));
  const auto error = data_error_of([&] { import_frames(folder); });
  EXPECT_TRUE(contains(error, "has changed since") && contains(error, "--replace")) << error;
  ImportOptions options;
  options.source = folder / "frames";
  options.out = folder / "d";
  options.replace = true;
  EXPECT_TRUE(import_dataset(options, nullptr));
  EXPECT_FALSE(import_frames(folder));
  const Dataset dataset(folder / "d/train/*.h5", 4, 1);
  EXPECT_TRUE(at::equal(dataset.read_episode(1, 0, 1).frames_THWC[0], ramp(7, 8, 12, 1)));
}

TEST(ImportDataset, UnknownLayoutsAreAnsweredWithTheKnownOnes) {
  const ScratchFolder folder;
  ImportOptions options;
  options.source = folder.path();
  options.out = folder / "d";
  const auto error = data_error_of([&] { import_dataset(options, nullptr); });
  EXPECT_TRUE(contains(error, "npz:") && contains(error, "image_folder:")) << error;
  options.source = folder / "nothing";
  EXPECT_TRUE(contains(data_error_of([&] { import_dataset(options, nullptr); }), "no such file"));
}

TEST(ImportDataset, LargeSourcesBecomeSeveralShards) {
  const ScratchFolder folder;
  write_episodes(folder, 3);
  ImportOptions options;
  options.source = folder / "frames";
  options.out = folder / "d";
  options.shard_bytes = 1;
  import_dataset(options, nullptr);
  EXPECT_EQ(shards_below(folder / "d/train").size(), 2U);
  EXPECT_EQ(Dataset(folder / "d/train/*.h5", 2, 1).num_frames(), 10);
}

}  // namespace
}  // namespace nextframe
