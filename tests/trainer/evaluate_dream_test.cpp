#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "data/durable_file.h"
#include "evaluate_fakes.h"
#include "trainer/evaluate/dream.h"
#include "trainer/evaluate/metrics.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

std::array<uint8_t, 3> pixel(const Image& image, int64_t x, int64_t y) {
  const auto at = static_cast<size_t>((y * image.width_px + x) * 3);
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

std::vector<Dream> oracle_dreams(const std::vector<int64_t>& episodes) {
  auto model = oracle_model();
  return dream(model, turning_world({20, 20, 12}), episodes, 5, 10, {});
}

TEST(Dream, GoesOnFromTheContextOfTheChosenEpisodes) {
  const auto dreams = oracle_dreams({2, 0});
  ASSERT_EQ(dreams.size(), 2u);
  EXPECT_EQ(dreams[0].episode, 2);
  EXPECT_EQ(dreams[0].dreamed_THWC.size(0), 7);  // the episode has no more
  EXPECT_EQ(dreams[1].dreamed_THWC.size(0), 10);
  for (const auto& dream : dreams) {
    const auto truth = to_unit_range(dream.truth_THWC.slice(0, dream.context_frames));
    EXPECT_TRUE(dream.dreamed_THWC.equal(truth));
  }
}

TEST(Dream, AnEpisodeIsDreamedUnderItsOwnNumber) {
  auto model = oracle_model();
  const auto dreams = dream(model, turning_world({20, 20, 12, 20}), {3, 0, 3, 2}, 5, 10, {});
  EXPECT_EQ(model.sample_ids, (std::vector<int64_t>{3, 0, 3, 2}));
  EXPECT_TRUE(dreams[0].truth_THWC.equal(dreams[2].truth_THWC));
}

TEST(Dream, SampleEpisodesAreTheFirstFourThatAreLongEnoughAndOnlyBegun) {
  auto world = turning_world({20, 5, 6, 20, 20, 20});
  int64_t most_frames = 0;
  world.read = [&, read = world.read](int64_t episode, int64_t first, int64_t count) {
    most_frames = std::max(most_frames, count);
    return read(episode, first, count);
  };
  EXPECT_EQ(sample_episodes(world, 5), (std::vector<int64_t>{0, 2, 3, 4}));
  EXPECT_EQ(most_frames, 0);
  auto model = oracle_model();
  dream(model, world, {0, 3}, 5, 10, {});
  EXPECT_EQ(most_frames, 15);
}

TEST(Dream, AnEpisodeThatIsNotThereOrTooShortIsAUsageError) {
  auto model = oracle_model();
  const auto world = turning_world({20, 5});
  EXPECT_THROW(dream(model, world, {2}, 5, 10, {}), UsageError);
  EXPECT_THROW(dream(model, world, {-1}, 5, 10, {}), UsageError);
  EXPECT_THROW(dream(model, world, {1}, 5, 10, {}), UsageError);
  EXPECT_THROW(dream(model, world, {0}, 0, 10, {}), UsageError);
  EXPECT_EQ(sample_episodes(world, 5), std::vector<int64_t>{0});
  EXPECT_THROW(sample_episodes(world, 0), UsageError);
}

TEST(Dream, ASheetShowsTruthAboveAnEqualDreamUnderBarsThatMarkTheContext) {
  const auto image = sheet(oracle_dreams({0, 1}));
  const int64_t step = 16 * 4 + 2;  // a frame of 16 px enlarged to 64, and a gap
  const int64_t bar_top = 5 * 2 + 4;
  EXPECT_EQ(image.width_px, 2 + 15 * step);
  EXPECT_EQ(pixel(image, 2 + 4 * step, bar_top), (std::array<uint8_t, 3>{240, 170, 40}));
  EXPECT_EQ(pixel(image, 2 + 5 * step, bar_top), (std::array<uint8_t, 3>{70, 130, 240}));
  const int64_t truth_top = bar_top + 4 + 2, dream_top = truth_top + 12 * 4 + 2;
  std::set<std::array<uint8_t, 3>> seen;
  for (int64_t frame = 0; frame < 15; ++frame) {
    for (int64_t y = 0; y < 48; ++y) {
      const int64_t x = 2 + frame * step + y;
      ASSERT_EQ(pixel(image, x, truth_top + y), pixel(image, x, dream_top + y));
      seen.insert(pixel(image, x, truth_top + y));
    }
  }
  EXPECT_GT(seen.size(), 20u);
}

TEST(Dream, AnAnimationHasAnImageForEveryFrameOfTheLongest) {
  const auto images = animation(oracle_dreams({0, 2}));
  ASSERT_EQ(images.size(), 15u);
  for (const auto& image : images) EXPECT_EQ(image.width_px, images[0].width_px);
}

TEST(Dream, ABareFileNameMeansTheCurrentFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(::testing::TempDir());
  EXPECT_NO_THROW(write_dreams(oracle_dreams({2}), "bare_dream.png", false));
  EXPECT_TRUE(std::filesystem::exists("bare_dream.png"));
  std::filesystem::current_path(before);
}

TEST(Dream, TheSuffixChoosesTheFormat) {
  const auto folder = ::testing::TempDir() + "/dream_suffix";
  const auto dreams = oracle_dreams({2});
  const auto begins_with = [&](const std::string& name, bool animate, const std::string& magic) {
    write_dreams(dreams, folder + "/" + name, animate);
    return read_text(folder + "/" + name).substr(0, 60).find(magic) != std::string::npos;
  };
  EXPECT_TRUE(begins_with("a.png", false, "PNG"));
  EXPECT_FALSE(begins_with("a.png", false, "acTL"));
  EXPECT_TRUE(begins_with("b.png", true, "acTL"));
  EXPECT_TRUE(begins_with("c.webp", false, "WEBP"));
  EXPECT_THROW(write_dreams(dreams, folder + "/d.gif", false), UsageError);
}

}  // namespace
}  // namespace nextframe
