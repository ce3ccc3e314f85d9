// Files of other projects' layouts give batches whose actions lead from their frame to the next.
#include "data/byte_lists.h"
#include "data/dataset.h"
#include "data/shard_reader.h"
#include "tests/data/layout_files.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

using namespace testing_layouts;

constexpr int64_t kClipFrames = 4;

int64_t stamp_of(const at::Tensor& frame_HWC, int64_t what) {
  return frame_HWC[0][0][what].item<int64_t>();
}

/// Every clip of the file: one episode, frames in their order, upright and RGB; and the action in
/// row t is the one that the frame t+1 carries.
void check_clips(const std::string& path, bool has_actions) {
  const Dataset data(path, kClipFrames, 1);
  EXPECT_EQ(data.shape().action_width > 0, has_actions) << path;
  Batch batch = make_batch(data.shape(), 1);
  const at::Tensor lowest = at::tensor({200, 100, 50}, at::kByte).expand({10, 3});
  for (int64_t clip = 0; clip < data.num_clips(); ++clip) {
    data.read_clip(clip, batch, 0);
    const at::Tensor frames_THWC = batch.frames_BTHWC[0], actions_TA = batch.actions_BTA[0];
    for (int64_t t = 0; t < kClipFrames; ++t) {
      ASSERT_TRUE(frames_THWC[t][7].equal(lowest)) << path << ", clip " << clip;
      ASSERT_EQ(stamp_of(frames_THWC[t], 0), stamp_of(frames_THWC[0], 0)) << path;
      ASSERT_EQ(stamp_of(frames_THWC[t], 1), stamp_of(frames_THWC[0], 1) + t) << path;
      if (t == 0 || !has_actions) continue;
      ASSERT_EQ(actions_TA[t - 1].sum().item<float>(), 1) << path;
      ASSERT_EQ(actions_TA[t - 1].argmax().item<int64_t>(), stamp_of(frames_THWC[t], 2))
          << path << ", clip " << clip << ", row " << t - 1;
    }
  }
}

ReadAs of_split(const std::string& name) {
  ReadAs read_as;
  read_as.split = name;
  return read_as;
}

TEST(Layouts, TheActionInRowTLeadsToTheFrameOfRowTPlusOne) {
  const ScratchFolder folder;
  for (const auto& [name, writer] : layout_writers()) {
    const auto path = write_layout(folder.path(), name);
    EXPECT_EQ(ShardReader(path).table().layout, name);
    check_clips(path, name != "videogpt" && name != "tinyworlds");
  }
}

TEST(Layouts, EpisodesAreInTheOrderOfTheirNumbers) {
  const ScratchFolder folder;
  for (const auto* name : {"robomimic", "libero", "minari", "d4rl", "videogpt"}) {
    const Dataset data(write_layout(folder.path(), name), kClipFrames, 1);
    ASSERT_EQ(data.num_episodes(), kEpisodes) << name;
    for (int64_t e = 0; e < kEpisodes; ++e) {
      EXPECT_EQ(stamp_of(data.read_episode(e, 0, 1).frames_THWC[0], 0), e) << name;
    }
  }
}

TEST(Layouts, ASplitHasItsEpisodesAlone) {
  const ScratchFolder folder;
  const auto demos = write_layout(folder.path(), "robomimic");
  const Dataset valid(demos, kClipFrames, 1, kOwnActionWidth, of_split("valid"));
  ASSERT_EQ(valid.num_episodes(), 2);
  EXPECT_EQ(stamp_of(valid.read_episode(0, 0, 1).frames_THWC[0], 0), 2);
  EXPECT_EQ(stamp_of(valid.read_episode(1, 0, 1).frames_THWC[0], 0), 10);
  const auto videos = write_layout(folder.path(), "videogpt");
  const Dataset test(videos, kClipFrames, 1, kOwnActionWidth, of_split("test"));
  EXPECT_EQ(test.num_episodes(), 3);
  EXPECT_EQ(stamp_of(test.read_episode(0, 0, 1).frames_THWC[0], 0), 9);
  EXPECT_NE(test.fingerprint(), Dataset(videos, kClipFrames, 1).fingerprint());
}

/// The same stored bytes, read the other way up or with blue for red, are other data.
TEST(Layouts, HowFramesAreReadIsPartOfTheirIdentity) {
  const ScratchFolder folder;
  const auto upside_down = write_layout(folder.path(), "libero");
  const auto before = Dataset(upside_down, kClipFrames, 1).fingerprint();
  ReadAs shifted;
  shifted.alignment = "after";
  EXPECT_NE(Dataset(upside_down, kClipFrames, 1, kOwnActionWidth, shifted).fingerprint(), before);
  {
    const H5Lock lock;
    const H5File file(H5Fopen(upside_down.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "open");
    H5Adelete_by_name(file.get(), "data", "macros_image_convention", H5P_DEFAULT);
    put_text_attribute(file, "data", "macros_image_convention", "opencv");
  }
  EXPECT_NE(Dataset(upside_down, kClipFrames, 1).fingerprint(), before);
}

TEST(Layouts, AFileStaysReadableWhenItIsClosedAndOpenedAgain) {
  const ScratchFolder folder;
  write_layout(folder.path(), "robomimic");
  std::filesystem::copy(folder / "robomimic.h5", folder / "second.h5");
  set_max_open_shards(1);
  check_clips(folder / "*.h5", true);
  set_max_open_shards(0);
}

TEST(Layouts, AForeignLayoutHasNoRowsOfOtherColumnsUnlessItIsOneDataset) {
  const ScratchFolder folder;
  EXPECT_FALSE(Dataset(write_layout(folder.path(), "csgo"), 2, 1).rows_of(0).has_columns);
  EXPECT_TRUE(Dataset(write_layout(folder.path(), "d4rl"), 2, 1).rows_of(0).has_columns);
}

TEST(ByteLists, AreReadAsTheyWereWritten) {
  const ScratchFolder folder;
  const std::vector<std::string> lists{"one", "", std::string(10000, 'x'), "four", "five"};
  for (const hsize_t chunk : {0, 2}) {
    const auto path = folder / "lists.h5";
    put_byte_lists(create_foreign(path), "a/lists", lists, chunk);
    const H5File file = open_h5(path);
    const ByteLists found(file, "a/lists");
    ASSERT_EQ(found.size(), 5);
    for (int64_t row : {0, 2, 3, 4}) {
      EXPECT_EQ(found.read(row), lists[static_cast<size_t>(row)]) << row;
    }
  }
}

int64_t offset_of(const std::filesystem::path& path, const std::string& name) {
  const H5Lock lock;
  const H5File file = open_h5(path);
  const H5Dataset dataset = open_dataset(file, name);
  return static_cast<int64_t>(H5Dget_offset(dataset.get()));
}

/// Where a list is said to be, every byte of it wrong in turn: length, heap, number in the heap.
TEST(ByteLists, DamagedPlacesAreNamed) {
  const ScratchFolder folder;
  const auto path = folder / "lists.h5", damaged_path = folder / "damaged.h5";
  put_byte_lists(create_foreign(path), "lists", {"one", "two", "three"});
  const auto place = static_cast<size_t>(offset_of(path, "lists"));
  std::string content(static_cast<size_t>(std::filesystem::file_size(path)), '\0');
  std::ifstream(path, std::ios::binary).read(content.data(), static_cast<int64_t>(content.size()));
  for (size_t byte = 0; byte < 16; ++byte) {
    auto damaged = content;
    damaged[place + byte] = static_cast<char>(damaged[place + byte] ^ '\x55');
    std::ofstream(damaged_path, std::ios::binary) << damaged;
    const H5File file = open_h5(damaged_path);
    EXPECT_THROW(ByteLists(file, "lists").read(0), DamagedRows) << byte;
    EXPECT_EQ(ByteLists(file, "lists").read(2), "three") << byte;
  }
}

}  // namespace
}  // namespace nextframe
