#include "data/video/video_decoder.h"
#include "tests/data/mutation.h"
#include "tests/data/recordings.h"
#include "tests/data/video/make_video.h"

namespace nextframe {
namespace {

struct ImportedVideos {
  std::string told;
  std::vector<std::string> problems;
};

ImportedVideos import_videos(const ScratchFolder& folder, ImportOptions options) {
  options.source = folder / "videos";
  options.out = folder / "d";
  options.replace = true;
  ImportedVideos imported;
  import_dataset(
      options, nullptr, [&](const ImportPlan& plan) { imported.told = describe(plan); },
      [&](const std::vector<std::string>& problems) { imported.problems = problems; });
  return imported;
}

std::vector<int64_t> as_list(const at::Tensor& values) {
  const at::Tensor list = values.to(at::kLong).contiguous();
  return {list.const_data_ptr<int64_t>(), list.const_data_ptr<int64_t>() + list.numel()};
}

/// The numbers of the frames that were stored.
std::vector<int64_t> stored_numbers(const ScratchFolder& folder) {
  return as_list(read_stamps(stored_episode(folder).frames_THWC)[0]);
}

/// NAME.csv beside NAME.mp4, a row a frame.
void write_actions(const std::filesystem::path& path, int64_t frames) {
  std::ofstream file(path);
  file << "frame,action\n";
  for (int64_t t = 0; t < frames; ++t) file << t << "," << stamped_action(t) << "\n";
}

/// Every stored action is the one that the next stored frame shows.
void expect_aligned(const ScratchFolder& folder) {
  const Episode episode = stored_episode(folder);
  const auto stamps = read_stamps(episode.frames_THWC);
  const int64_t frames = stamps.size(1);
  const at::Tensor actions = episode.actions_TA.argmax(1);
  EXPECT_TRUE(at::equal(actions.slice(0, 0, frames - 1), stamps[1].slice(0, 1)))
      << actions << stamps;
}

class Videos : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_ / "videos"); }
  ScratchFolder folder_;
};

TEST_F(Videos, EveryContainerKeepsTheOrderOfFramesAndTheirActions) {
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"mp4", "libx264"}, {"mov", "mpeg4"}, {"mkv", "libx264"},
      {"webm", "libvpx"}, {"avi", "mpeg4"}, {"avi", "mjpeg"}};
  for (const auto& [extension, codec] : kinds) {
    VideoRecipe recipe{.codec = codec, .times_ms = even_times_ms(30, 100), .unit_ms = 100};
    if (codec == "mjpeg") recipe.format = AV_PIX_FMT_YUVJ420P, recipe.range = AVCOL_RANGE_JPEG;
    std::filesystem::remove_all(folder_ / "videos");
    std::filesystem::create_directories(folder_ / "videos");
    make_stamped_video(folder_ / ("videos/a." + extension), recipe);
    write_actions(folder_ / "videos/a.csv", 30);
    const auto imported = import_videos(folder_, {});
    EXPECT_TRUE(contains(imported.told, "10 frames a second")) << extension << imported.told;
    EXPECT_EQ(stored_numbers(folder_), even_times_ms(30, 1)) << extension;
    expect_aligned(folder_);
  }
}

TEST_F(Videos, GifsAreRead) {
  make_stamped_video(folder_ / "videos/a.gif", {.codec = "gif",
                                                .format = AV_PIX_FMT_RGB8,
                                                .range = AVCOL_RANGE_JPEG,
                                                .times_ms = even_times_ms(20, 100),
                                                .unit_ms = 10});
  import_videos(folder_, {});
  EXPECT_EQ(stored_numbers(folder_), even_times_ms(20, 1));
}

TEST_F(Videos, ActionsThatLedToTheirFramesAreShifted) {
  make_stamped_video(folder_ / "videos/a.mp4", {.times_ms = even_times_ms(30, 100)});
  std::ofstream file(folder_ / "videos/a.csv");
  for (int64_t t = 0; t < 30; ++t) file << (t == 0 ? 0 : stamped_action(t - 1)) << "\n";
  file.close();
  ImportOptions options;
  options.read.alignment = ActionAlignment::before;
  import_videos(folder_, options);
  expect_aligned(folder_);
}

TEST_F(Videos, AnotherRateTakesFramesByTheirTime) {
  make_stamped_video(folder_ / "videos/a.mp4", {.times_ms = even_times_ms(30, 100)});
  ImportOptions options;
  options.fps = 5;
  import_videos(folder_, options);
  EXPECT_EQ(stored_numbers(folder_), even_times_ms(15, 2));
  options.fps = 20;
  const auto imported = import_videos(folder_, options);
  EXPECT_TRUE(contains(imported.told, "frames are repeated")) << imported.told;
  EXPECT_EQ(stored_numbers(folder_).size(), 60U);
  EXPECT_EQ(stored_numbers(folder_)[59], 29);
}

TEST_F(Videos, AVariableRateIsResampledByTimeStamps) {
  for (const std::string extension : {"mp4", "mkv"}) {
    std::filesystem::remove_all(folder_ / "videos");
    std::filesystem::create_directories(folder_ / "videos");
    make_stamped_video(folder_ / ("videos/a." + extension),
                       {.times_ms = {0, 100, 133, 500, 600, 900}});
    EXPECT_TRUE(contains(import_videos(folder_, {}).told, "variable frame rate")) << extension;
    EXPECT_EQ(stored_numbers(folder_), even_times_ms(6, 1));
    ImportOptions options;
    options.fps = 10;
    import_videos(folder_, options);
    auto numbers = stored_numbers(folder_);
    numbers.resize(10);  // how long the last one is shown, containers tell in their own ways
    EXPECT_EQ(numbers, (std::vector<int64_t>{0, 1, 2, 2, 2, 3, 4, 4, 4, 5})) << extension;
  }
}

TEST_F(Videos, ActionsByTimeAreThoseInForce) {
  make_stamped_video(folder_ / "videos/a.mp4", {.times_ms = even_times_ms(20, 100)});
  std::ofstream(folder_ / "videos/a.csv") << "time,action\n0,3\n0.55,1\n1.2,2\n";
  import_videos(folder_, {});
  EXPECT_EQ(stored_choices(folder_),
            (std::vector<int64_t>{3, 3, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2}));
  std::ofstream(folder_ / "videos/a.csv") << "timestamp,action\n1700000000,3\n1700000001,1\n";
  const auto error = data_error_of([&] { import_videos(folder_, {}); });
  EXPECT_TRUE(contains(error, "count seconds from its first frame")) << error;
}

TEST_F(Videos, PhonesThatWereTurnedAreUpright) {
  for (const int64_t clockwise : {90, 180, 270}) {
    std::vector<at::Tensor> frames;
    for (int64_t t = 0; t < 12; ++t) {
      frames.push_back(at::rot90(stamped_frame(t), clockwise / 90));  // against the clock
    }
    make_video(folder_ / "videos/a.mp4", frames,
               {.times_ms = even_times_ms(12, 100), .clockwise = clockwise});
    EXPECT_TRUE(contains(import_videos(folder_, {}).told, "32 high, 64 wide")) << clockwise;
    EXPECT_EQ(stored_numbers(folder_), even_times_ms(12, 1)) << clockwise;
  }
}

TEST_F(Videos, BlackAndWhiteStayBlackAndWhiteInBothRanges) {
  for (const auto range : {AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG}) {
    make_stamped_video(folder_ / "videos/a.mkv",
                       {.codec = "libx264", .range = range, .times_ms = even_times_ms(4, 100)});
    import_videos(folder_, {});
    const at::Tensor frame = stored_episode(folder_).frames_THWC[1].to(at::kLong);
    EXPECT_GE(frame[8][4].min().item<int64_t>(), 252) << range;
    EXPECT_LE(frame[8][40].max().item<int64_t>(), 3) << range;
    // A grey between them shows a wrong range best.
    make_video(folder_ / "videos/a.mkv",
               std::vector<at::Tensor>(4, at::full({32, 64, 3}, 64, at::kByte)),
               {.codec = "libx264", .range = range, .times_ms = even_times_ms(4, 100)});
    import_videos(folder_, {});
    const at::Tensor grey = stored_episode(folder_).frames_THWC[1].to(at::kFloat);
    EXPECT_NEAR(grey.mean().item<double>(), 64, 2) << range;
  }
}

TEST_F(Videos, FilesThatAreNoVideosAreSkippedAndListed) {
  make_stamped_video(folder_ / "videos/good.mp4", {.times_ms = even_times_ms(12, 100)});
  make_stamped_video(folder_ / "videos/cut.mp4", {.times_ms = even_times_ms(12, 100)});
  std::filesystem::resize_file(folder_ / "videos/cut.mp4", 300);
  std::ofstream(folder_ / "videos/text.mp4") << "shopping list: milk, bread\n";
  std::ofstream(folder_ / "videos/empty.mp4");
  const auto imported = import_videos(folder_, {});
  ASSERT_EQ(imported.problems.size(), 3U);
  EXPECT_TRUE(contains(imported.problems[0], "cut.mp4: cannot be opened as a video: "))
      << imported.problems[0];
  EXPECT_TRUE(contains(imported.problems[1], "empty.mp4: is empty"));
  EXPECT_TRUE(contains(imported.problems[2], "text.mp4: holds text, it is no video"));
  EXPECT_TRUE(contains(imported.told, "skipped") && contains(imported.told, "text.mp4"));
  EXPECT_EQ(stored_numbers(folder_), even_times_ms(12, 1));
  std::filesystem::remove(folder_ / "videos/good.mp4");
  EXPECT_TRUE(contains(data_error_of([&] { import_videos(folder_, {}); }), "text.mp4: holds text"));
}

TEST_F(Videos, AVideoThatWasCutEndsWhereItsFramesEnd) {
  make_stamped_video(folder_ / "videos/a.mkv",
                     {.codec = "mpeg4", .times_ms = even_times_ms(60, 100), .unit_ms = 100});
  write_actions(folder_ / "videos/a.csv", 60);
  const auto bytes = std::filesystem::file_size(folder_ / "videos/a.mkv");
  std::filesystem::resize_file(folder_ / "videos/a.mkv", bytes / 2);
  const auto imported = import_videos(folder_, {});
  const auto numbers = stored_numbers(folder_);
  EXPECT_GT(numbers.size(), 10U);
  EXPECT_LT(numbers.size(), 50U);
  EXPECT_EQ(numbers, even_times_ms(static_cast<int64_t>(numbers.size()), 1));
  EXPECT_TRUE(contains(imported.told, "cut off")) << imported.told;
  expect_aligned(folder_);
}

TEST_F(Videos, RowsThatDoNotFitAVideoAreNamed) {
  make_stamped_video(folder_ / "videos/a.mp4", {.times_ms = even_times_ms(12, 100)});
  make_stamped_video(folder_ / "videos/b.mp4", {.times_ms = even_times_ms(12, 100)});
  write_actions(folder_ / "videos/a.csv", 9);
  const auto error = data_error_of([&] { import_videos(folder_, {}); });
  EXPECT_TRUE(contains(error, "a.csv: has 9 rows for 12 frames")) << error;
  EXPECT_TRUE(contains(error, "b.csv is missing beside it")) << error;
}

TEST_F(Videos, SizesThatDifferAskForOne) {
  make_stamped_video(folder_ / "videos/a.mp4", {.times_ms = even_times_ms(12, 100)});
  make_video(folder_ / "videos/sub.mp4",
             std::vector<at::Tensor>(12, at::full({48, 48, 3}, 200, at::kByte)),
             {.times_ms = even_times_ms(12, 100)});
  const auto error = data_error_of([&] { import_videos(folder_, {}); });
  EXPECT_TRUE(contains(error, "48 high and 48 wide") && contains(error, "--size")) << error;
  ImportOptions options;
  options.size = {32, 64, Fit::crop};
  import_videos(folder_, options);
  const Dataset dataset(folder_ / "d/train/*.h5", 2, 1);
  EXPECT_EQ(dataset.num_episodes(), 2);
  EXPECT_EQ(dataset.shape().width_px, 64);
}

TEST_F(Videos, WholeVideosAreHeldOut) {
  for (int64_t i = 0; i < 10; ++i) {
    std::filesystem::create_directories(folder_ / ("videos/day" + std::to_string(i / 5)));
    make_stamped_video(folder_ / c10::str("videos/day", i / 5, "/clip", i, ".mp4"),
                       {.times_ms = even_times_ms(4 + i, 100)});
  }
  ImportOptions options;
  options.hold_out = 0.2;
  import_videos(folder_, options);
  const Dataset held(folder_ / "d/validation/*.h5", 2, 1), train(folder_ / "d/train/*.h5", 2, 1);
  ASSERT_EQ(held.num_episodes(), 2);
  EXPECT_EQ(train.num_episodes(), 8);
  EXPECT_LT(held.episode_frames(0), 9);
  EXPECT_GE(held.episode_frames(1), 9);
}

TEST_F(Videos, FoldersOfJpegAndWebpAreEpisodes) {
  for (const auto& [extension, codec] : {std::pair{"jpg", "mjpeg"}, std::pair{"webp", "libwebp"}}) {
    std::filesystem::remove_all(folder_ / "videos");
    std::filesystem::create_directories(folder_ / "videos/a");
    for (int64_t t = 0; t < 12; ++t) {
      make_picture(folder_ / c10::str("videos/a/frame", t, ".", extension), stamped_frame(t),
                   codec);
    }
    write_actions(folder_ / "videos/a/actions.csv", 12);
    import_videos(folder_, {});
    EXPECT_EQ(stored_numbers(folder_), even_times_ms(12, 1)) << extension;
    expect_aligned(folder_);
  }
  for (const std::string start : {"no picture", "RIFF", "", "\xff\xd8"}) {
    std::ofstream(folder_ / "videos/a/frame3.webp", std::ios::binary) << start;
    const auto error = data_error_of([&] { import_videos(folder_, {}); });
    EXPECT_TRUE(contains(error, "frame3.webp: ")) << error;
  }
}

TEST_F(Videos, PicturesBesideVideosAskForALayout) {
  make_stamped_video(folder_ / "videos/a.mp4", {.times_ms = even_times_ms(12, 100)});
  make_picture(folder_ / "videos/a.jpg", stamped_frame(7), "mjpeg");
  const auto error = data_error_of([&] { import_videos(folder_, {}); });
  EXPECT_TRUE(contains(error, "image_folder and as video") && contains(error, "--layout")) << error;
  ImportOptions options;
  options.layout = "video";
  import_videos(folder_, options);
  EXPECT_EQ(stored_numbers(folder_), even_times_ms(12, 1));
  options.layout = "npz";
  EXPECT_TRUE(
      contains(data_error_of([&] { import_videos(folder_, options); }), "not of the layout npz"));
}

TEST_F(Videos, AListOfOtherFilesIsNotFollowed) {
  make_stamped_video(folder_ / "secret.ts", {.codec = "mpeg4", .times_ms = even_times_ms(4, 100)});
  std::ofstream(folder_ / "videos/a.mp4")
      << "#EXTM3U\n#EXTINF:1,\n"
      << (folder_ / "secret.ts").string() << "\n#EXT-X-ENDLIST\n";
  EXPECT_TRUE(contains(data_error_of([&] { import_videos(folder_, {}); }), "holds text"));
}

TEST_F(Videos, MutatedFilesAreReadOrRefused) {
  using namespace testing_mutation;
  FileMutator mutate(3);
  ImportOptions options;
  options.fps = 10;
  for (const auto& [name, codec] : {std::pair{"a.mp4", "mpeg4"}, std::pair{"a.mkv", "libx264"},
                                    std::pair{"a.webm", "libvpx"}, std::pair{"a.avi", "mpeg4"}}) {
    std::filesystem::remove_all(folder_ / "videos");
    std::filesystem::create_directories(folder_ / "videos");
    const auto path = (folder_ / "videos" / name).string();
    make_stamped_video(path, {.codec = codec, .times_ms = even_times_ms(12, 100), .unit_ms = 100});
    std::ifstream file(path, std::ios::binary);
    const std::string right((std::istreambuf_iterator<char>(file)), {});
    const int count = num_mutants(60);
    const int accepted = read_mutants<DataError>(count, path, [&](int) {
      std::ofstream(path, std::ios::binary) << mutate.bytes(right);
      import_videos(folder_, options);
    });
    EXPECT_GT(accepted, 0) << name;
    EXPECT_LT(accepted, count) << name;
  }
}

}  // namespace
}  // namespace nextframe
