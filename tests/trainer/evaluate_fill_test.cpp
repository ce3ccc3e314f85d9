// The fill suite with models whose filled-in frames are known.
#include <gtest/gtest.h>

#include "data/world.h"
#include "evaluate_fakes.h"
#include "trainer/evaluate/dream.h"
#include "trainer/evaluate/evaluate.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

constexpr int64_t kFillClipFrames = 9, kFillEpisodeFrames = 40;

RecordedEpisode ball_episode(int64_t number) {
  return WorldRegistry::instance()
      .get("ball_and_paddle", "world")
      .episode({1, 1, static_cast<uint64_t>(number)}, kFillEpisodeFrames);
}

EpisodeSource ball_source(int64_t episodes, bool has_positions = true) {
  EpisodeSource source;
  source.shape = {kFillClipFrames, 64, 64, 3, 0};
  source.dataset_episodes = episodes;
  for (int64_t number = 0; number < episodes; ++number)
    source.episodes.push_back({number, kFillEpisodeFrames});
  source.read = [](int64_t number, int64_t first, int64_t count) {
    return Episode{ball_episode(number).frames_THWC.narrow(0, first, count), at::zeros({count, 0})};
  };
  source.column_names = [has_positions](int64_t) {
    return has_positions ? std::vector<std::string>{"ball_position"} : std::vector<std::string>{};
  };
  source.read_column = [](int64_t number, const std::string& name, int64_t first, int64_t count) {
    for (const auto& column : ball_episode(number).columns) {
      if (column.name == name) return column.values.narrow(0, first, count).to(at::kFloat);
    }
    throw std::out_of_range(name);
  };
  return source;
}

/// Knows the whole episode if it is given both ends of a clip; else it repeats the first frame.
class KnowsBetweenEnds final : public RuleModel {
 public:
  KnowsBetweenEnds()
      : RuleModel([](const at::Tensor& frame, const at::Tensor&) { return frame; }) {}

  bool can_fill() const override { return true; }
  at::Tensor fill(const at::Tensor& frames_BTHWC, const at::Tensor& known_T, const at::Tensor&,
                  const RolloutOptions& options) override {
    const auto frames = frames_BTHWC.to(at::kFloat).div(255.0);
    EXPECT_TRUE(known_T[0].item<bool>());
    EXPECT_TRUE(at::equal(  // of the episode and place that it is told
        frames_BTHWC[0], ball_episode(options.sample_ids_B[0].item<int64_t>())
                             .frames_THWC.narrow(0, options.first_frame, kFillClipFrames)));
    return known_T[-1].item<bool>() ? frames : frames.slice(1, 0, 1).expand_as(frames);
  }
};

SuiteReport fill_report(WorldModel& model, const EpisodeSource& source) {
  const auto report = evaluate(model, source, nullptr, {}, {"fill"});
  return report.suites.at(0);
}

double fill_figure(const SuiteReport& report, const std::string& name) {
  for (const auto& figure : report.figures) {
    if (figure.name == name) return figure.figure.value;
  }
  ADD_FAILURE() << "no figure " << name;
  return 0;
}

TEST(FillSuite, AModelThatUsesTheLastFrameIsAheadByIt) {
  KnowsBetweenEnds model;
  const auto report = fill_report(model, ball_source(3));
  EXPECT_EQ(fill_figure(report, "middle.both_ends.psnr_db"), 100);  // the cap
  EXPECT_EQ(fill_figure(report, "middle.first_alone.psnr_db"),
            fill_figure(report, "middle.copy_first.psnr_db"));
  const double copy = fill_figure(report, "middle.copy_first.psnr_db");
  EXPECT_GT(copy, 10);
  EXPECT_LT(copy, 25);
  EXPECT_NEAR(fill_figure(report, "middle.gain_over_first_alone"), 100 - copy, 1e-9);
  const double fade = fill_figure(report, "middle.cross_fade.psnr_db");
  EXPECT_GT(fade, copy);
  EXPECT_NEAR(fill_figure(report, "middle.gain_over_cross_fade"), 100 - fade, 1e-9);
}

TEST(FillSuite, SaysHowFarBallsAreFromWhereTheyAre) {
  KnowsBetweenEnds model;
  const auto report = fill_report(model, ball_source(3));
  const double parser = fill_figure(report, "middle.parser.position_px");
  EXPECT_GT(parser, 0);
  EXPECT_LT(parser, 0.5);
  EXPECT_EQ(fill_figure(report, "middle.both_ends.position_px"), parser);
  EXPECT_EQ(fill_figure(report, "middle.both_ends.found"), 1);
  // Four frames on, balls have moved by several pixels.
  EXPECT_GT(fill_figure(report, "middle.first_alone.position_px"), 3);
  const auto without = fill_report(model, ball_source(2, false));
  EXPECT_EQ(without.notes,
            std::vector<std::string>{"no position_px: no positions of objects are stored"});
}

TEST(FillSuite, HasEveryFrameBetweenTheEnds) {
  KnowsBetweenEnds model;
  const auto report = fill_report(model, ball_source(1));
  ASSERT_EQ(report.tables.size(), 1);
  ASSERT_EQ(report.tables[0].rows.size(), kFillClipFrames - 2);
  EXPECT_EQ(report.tables[0].rows[0].key, 1);
  EXPECT_EQ(report.tables[0].rows[0].figures[0].figure.n, 1);
}

TEST(FillSuite, IsLeftOutForAModelThatGoesForward) {
  auto model = copy_last_model();
  const auto report = fill_report(model, ball_source(1));
  EXPECT_EQ(report.notes,
            std::vector<std::string>{"left out: the model goes forward frame by frame"});
}

TEST(Between, GivesTheFirstAndTheLastFrame) {
  KnowsBetweenEnds model;
  const auto dreams = between(model, ball_source(3), {2, 0}, {});
  ASSERT_EQ(dreams.size(), 2);
  EXPECT_EQ(dreams[0].episode, 2);
  EXPECT_EQ(dreams[0].context_frames, 1);
  EXPECT_EQ(dreams[0].frames_after, 1);
  EXPECT_EQ(dreams[0].dreamed_THWC.size(0), kFillClipFrames - 2);
  EXPECT_FALSE(sheet(dreams).rgb.empty());
  auto forward = copy_last_model();
  EXPECT_THROW(between(forward, ball_source(1), {0}, {}), UsageError);
}

}  // namespace
}  // namespace nextframe
