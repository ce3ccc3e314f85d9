// HDF5 files whose frames are JPEG pictures or videos: Minari's since 0.5.3, and PhyWorld's.
#include "data/shard_reader.h"
#include "tests/data/layout_files.h"
#include "tests/data/recordings.h"
#include "tests/data/shard_mutation.h"
#include "tests/data/video/make_video.h"

namespace nextframe {
namespace {

using testing_layouts::create_foreign;

constexpr int64_t kPictures = 9;  // of an episode

/// Frames [T+1] as pictures, actions [T]; two episodes.
std::filesystem::path write_minari_pictures(const std::filesystem::path& folder) {
  const auto path = folder / "pictures.h5", picture = folder / "picture.jpg";
  const H5File file = create_foreign(path);
  for (const std::string episode : {"episode_0", "episode_1"}) {
    std::vector<std::string> pictures;
    std::vector<int64_t> actions;
    for (int64_t t = 0; t < kPictures; ++t) {
      make_picture(picture, stamped_frame(t), "mjpeg");
      pictures.push_back(content_of(picture));
      if (t + 1 < kPictures) actions.push_back(stamped_action(t));
    }
    testing_layouts::put_byte_lists(file, episode + "/observations", pictures, /*chunk=*/4);
    testing_layouts::put(file, episode + "/actions", at::tensor(actions));
  }
  return path;
}

TEST(EncodedLayouts, PicturesOfMinariAreReadWithTheirActions) {
  const ScratchFolder folder;
  const Dataset data(write_minari_pictures(folder.path()), 4, 1);
  ASSERT_EQ(data.num_episodes(), 2);
  const Episode episode = data.read_episode(1, 0, kPictures);
  const auto stamps = read_stamps(episode.frames_THWC);
  EXPECT_TRUE(stamps[0].equal(at::arange(kPictures)));
  EXPECT_TRUE(episode.actions_TA.argmax(1).slice(0, 0, kPictures - 1).equal(stamps[1].slice(0, 1)));
}

TEST(EncodedLayouts, ADamagedPictureIsNamedWithItsEpisode) {
  const ScratchFolder folder;
  const auto path = write_minari_pictures(folder.path());
  std::string content = content_of(path);
  const size_t last = content.rfind("\xff\xd8\xff");
  std::fill_n(content.begin() + static_cast<int64_t>(last), 200, '\0');
  std::ofstream(path, std::ios::binary) << content;
  const auto report = verify_dataset(path, nullptr);
  ASSERT_FALSE(report.problems.empty());
  EXPECT_TRUE(contains(report.problems[0], path.string())) << report.problems[0];
  EXPECT_TRUE(contains(report.problems[0], "episode_1/observations")) << report.problems[0];
}

TEST(EncodedLayouts, VideosOfPhyWorldAreImportedAndTrainingSaysSo) {
  const ScratchFolder folder;
  VideoRecipe recipe;
  for (int64_t t = 0; t < 6; ++t) recipe.times_ms.push_back(100 * t);
  make_stamped_video(folder / "v.mp4", recipe);
  const auto video = content_of(folder / "v.mp4");
  const auto path = folder / "rec.hdf5";
  testing_layouts::put_byte_lists(create_foreign(path), "video_streams", {video, video, video});
  EXPECT_TRUE(contains(data_error_of([&] { ShardReader{path}; }), "data import " + path.string()));
  auto options = recording_options(folder);
  options.source = path;
  ImportPlan told;
  import_dataset(options, nullptr, [&](const ImportPlan& plan) { told = plan; });
  EXPECT_EQ(told.facts.episode_frames, (std::vector<int64_t>{6, 6, 6}));
  EXPECT_EQ(told.facts.fps, 10);
  EXPECT_TRUE(read_stamps(stored_episode(folder).frames_THWC)[0].equal(at::arange(6)));
}

TEST(EncodedLayouts, ADamagedVideoIsNamedWithItsRow) {
  const ScratchFolder folder;
  const auto path = folder / "rec.hdf5";
  testing_layouts::put_byte_lists(create_foreign(path), "video_streams", {"no video", "none"});
  auto options = recording_options(folder);
  options.source = path;
  const auto error = data_error_of([&] { import_dataset(options, nullptr); });
  EXPECT_TRUE(contains(error, path.string() + ": video 0 of 'video_streams'")) << error;
}

std::vector<Original> write_encoded_originals(const ScratchFolder& folder) {
  const auto path = write_minari_pictures(folder.path());
  return {{path.filename().string(), content_of(path), /*is_ours=*/false}};
}

TEST(EncodedLayouts, EveryDamagedFileEndsInSuccessOrASentence) {
  MutationRun run(write_encoded_originals);
  run.run(mutation_seconds(2));
  EXPECT_GE(run.num_shards(), 10);
}

}  // namespace
}  // namespace nextframe
