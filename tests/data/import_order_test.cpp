#include "data/import/natural_order.h"
#include "tests/data/recordings.h"

namespace nextframe {
namespace {

TEST(NaturalOrder, ComparesNumbersAsNumbers) {
  const std::vector<std::string> sorted{"a",
                                        "frame_1",
                                        "frame_02",
                                        "frame_2",
                                        "frame_10",
                                        "frame_010b",
                                        "frame_99999999999999999999998",
                                        "frame_99999999999999999999999",
                                        "frame_b"};
  for (size_t i = 0; i < sorted.size(); ++i) {
    for (size_t j = 0; j < sorted.size(); ++j) {
      EXPECT_EQ(is_naturally_before(sorted[i], sorted[j]), i < j) << sorted[i] << " " << sorted[j];
    }
  }
}

TEST(ImportOrder, FramesAreReadInTheOrderOfTheirNumbersAndThatIsSaid) {
  const ScratchFolder folder;
  write_recording(folder / "rec", 12, {}, "frame_");
  const ImportPlan plan = import_recording(folder);
  EXPECT_TRUE(contains(describe(plan), "frame_9.png before frame_10.png")) << describe(plan);
  EXPECT_EQ(stored_times(folder), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST(ImportOrder, HiddenFoldersAndFilesAreSkippedAndNamed) {
  const ScratchFolder folder;
  write_recording(folder / "rec", 4);
  write_recording(folder / "rec/e0/.ipynb_checkpoints", 3);
  std::filesystem::rename(folder / "rec/e0/.ipynb_checkpoints/e0", folder / "rec/.thumbnails");
  std::ofstream(folder / "rec/e0/._0.png") << "junk";
  const ImportPlan plan = import_recording(folder);
  EXPECT_TRUE(contains(describe(plan), ".thumbnails, .")) << describe(plan);
  EXPECT_EQ(stored_times(folder), (std::vector<int64_t>{0, 1, 2, 3}));
}

TEST(ImportOrder, EpisodesAreFoundAtAnyDepthAndStrayFilesAreTold) {
  const ScratchFolder folder;
  write_recording(folder / "rec/day2", 4);
  write_recording(folder / "rec/day10", 5);
  write_png(folder / "rec/preview.png", at::full({8, 8, 3}, 99, at::kByte));
  std::ofstream(folder / "rec/actions.csv") << "0\n";
  std::filesystem::create_directory_symlink(folder / "rec", folder / "rec/day2/self");
  const ImportPlan plan = import_recording(folder);
  EXPECT_EQ(plan.facts.episode_frames, (std::vector<int64_t>{4, 5}));
  EXPECT_TRUE(contains(describe(plan), "ignored: actions.csv, preview.png")) << describe(plan);
}

TEST(ImportOrder, ALongEpisodeComesInPartsAndIsTheSame) {
  // Frames of 3 MB, so that a part holds five of them.
  const ScratchFolder folder;
  write_recording(folder / "rec", 17, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n",
                  "", 1024);
  import_recording(folder);
  const Dataset dataset(folder / "d/train/*.h5", 2, 1);
  ASSERT_EQ(dataset.num_episodes(), 1);
  ASSERT_EQ(dataset.episode_frames(0), 17);
  const Episode episode = dataset.read_episode(0, 0, 17);
  EXPECT_TRUE(at::equal(episode.actions_TA.argmax(1), at::arange(17)));
  EXPECT_TRUE(at::equal(episode.frames_THWC.flatten(1).select(1, 5).to(at::kLong), at::arange(17)));
}

TEST(ImportOrder, HeldOutEpisodesAreSpreadOverTheSource) {
  for (const int64_t seed : {0, 1, 2, 3}) {
    const auto drawn = draw_held_out(100, 10, seed);
    ASSERT_EQ(drawn.size(), 10U);
    for (int64_t i = 0; i < 10; ++i) EXPECT_EQ(drawn[static_cast<size_t>(i)] / 10, i);
  }
  EXPECT_NE(draw_held_out(100, 10, 0), draw_held_out(100, 10, 1));
  EXPECT_EQ(draw_held_out(100, 10, 5), draw_held_out(100, 10, 5));
  EXPECT_EQ(draw_held_out(7, 6, 0).size(), 6U);
}

TEST(ImportOrder, FramesThatNoUsualPatchDividesAreTold) {
  EXPECT_EQ(patch_advice(64, 64), "");
  EXPECT_TRUE(contains(patch_advice(84, 84), "model.patch_px: 4 (441 tokens"));
  EXPECT_TRUE(contains(patch_advice(1080, 1920), "32400 tokens"));
  EXPECT_TRUE(contains(patch_advice(1080, 1920), "--size 64x112"));
  EXPECT_TRUE(contains(patch_advice(63, 64), "--size 64x64"));
}

TEST(ImportOrder, ADryRunTellsAndWritesNothing) {
  const ScratchFolder folder;
  write_recording(folder / "rec", 6, "0\n1\n2\n0\n1\n2\n");
  ImportOptions options = recording_options(folder);
  options.dry_run = true;
  std::string told;
  EXPECT_FALSE(
      import_dataset(options, nullptr, [&](const ImportPlan& plan) { told = describe(plan); }));
  EXPECT_FALSE(std::filesystem::exists(options.out));
  EXPECT_TRUE(contains(told, "1, of 6 to 6 frames") && contains(told, "8 high, 8 wide, RGB") &&
              contains(told, "a choice of 3") && contains(told, "leads to frame t+1"))
      << told;
}

}  // namespace
}  // namespace nextframe
