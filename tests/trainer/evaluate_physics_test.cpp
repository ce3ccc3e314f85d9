// The physics suite with models whose dreams are known.
#include <gtest/gtest.h>

#include <cmath>

#include "data/world.h"
#include "evaluate_fakes.h"
#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/object_tracks.h"

namespace nextframe {
namespace {

constexpr int64_t kContext = 8, kHorizon = 24, kPhysicsFramesOf = kContext + kHorizon;

RecordedEpisode physics_episode(const std::string& world, int64_t number) {
  return WorldRegistry::instance()
      .get(world, "world")
      .episode({1, 1, static_cast<uint64_t>(number)}, kPhysicsFramesOf);
}

/// Episodes of a simulated world, without shards.
EpisodeSource simulated_source(const std::string& world, int64_t episodes) {
  EpisodeSource source;
  source.shape = {16, 64, 64, 3, 0};
  source.dataset_episodes = episodes;
  for (int64_t number = 0; number < episodes; ++number) {
    source.episodes.push_back({number, kPhysicsFramesOf});
  }
  source.read = [world](int64_t number, int64_t first, int64_t count) {
    return Episode{physics_episode(world, number).frames_THWC.narrow(0, first, count),
                   at::zeros({count, 0})};
  };
  source.column_names = [world](int64_t number) {
    std::vector<std::string> names;
    for (const auto& column : physics_episode(world, number).columns) names.push_back(column.name);
    return names;
  };
  source.read_column = [world](int64_t number, const std::string& name, int64_t first,
                               int64_t count) {
    for (const auto& column : physics_episode(world, number).columns) {
      if (column.name == name) return column.values.narrow(0, first, count).to(at::kFloat);
    }
    throw std::out_of_range(name);
  };
  return source;
}

/// Dreams frame `context + h - 1` of the true episode at horizon h, or what `spoil` makes of it.
class RememberingModel : public WorldModel {
 public:
  using Spoil = std::function<at::Tensor(const at::Tensor& episode_THWC, int64_t horizon)>;
  RememberingModel(std::string world, Spoil spoil)
      : world_(std::move(world)), spoil_(std::move(spoil)) {}

  LossTerms loss(const Batch&, const at::Tensor&) override { return {}; }
  at::Tensor one_step(const at::Tensor& frames_BTHWC, const at::Tensor&,
                      const RolloutOptions&) override {
    return frames_BTHWC.slice(1, 1).to(at::kFloat).div(255.0);
  }
  at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor&,
                     const RolloutOptions& options) override {
    std::vector<at::Tensor> dreams;
    for (int64_t b = 0; b < context_BTHWC.size(0); ++b) {
      const auto number = options.sample_ids_B[b].item<int64_t>();
      const auto frames_THWC =
          physics_episode(world_, number).frames_THWC.to(at::kFloat).div(255.0);
      std::vector<at::Tensor> dreamed;
      for (int64_t h = 1; h <= kHorizon; ++h) dreamed.push_back(spoil_(frames_THWC, h));
      dreams.push_back(at::stack(dreamed));
    }
    return at::stack(dreams);
  }

 private:
  std::string world_;
  Spoil spoil_;
};

at::Tensor as_it_was(const at::Tensor& episode_THWC, int64_t horizon) {
  return episode_THWC[kContext + horizon - 1];
}

EvaluationReport physics_of(const std::string& world, const RememberingModel::Spoil& dream,
                            int64_t episodes = 12) {
  EvaluateConfig config;
  config.context_frames = kContext;
  config.horizon_frames = kHorizon;
  RememberingModel model(world, dream);
  return evaluate(model, simulated_source(world, episodes), nullptr, config, {"physics"});
}

const Figure& physics_figure(const EvaluationReport& report, const std::string& name) {
  const auto* figure = find_figure(report, "physics", name);
  if (figure == nullptr) throw std::runtime_error("the report has no " + name);
  return *figure;
}

TEST(Physics, APerfectDreamHasTheErrorOfTheParser) {
  for (const std::string world : {"uniform_motion", "parabola", "collisions", "occluders",
                                  "pendulum", "containers", "support", "two_rooms"}) {
    const auto report = physics_of(world, as_it_was);
    for (const std::string what : {"position_error_px", "velocity_error_px", "colour_error",
                                   "size_error", "seen_share", "count_error", "abnormal_share"}) {
      EXPECT_EQ(physics_figure(report, what).value, physics_figure(report, "parser." + what).value)
          << world << " " << what;
    }
    EXPECT_LT(physics_figure(report, "parser.position_error_px").value, 0.15) << world;
    EXPECT_LT(physics_figure(report, "parser.velocity_error_px").value, 0.2) << world;
    EXPECT_LT(physics_figure(report, "parser.colour_error").value, 0.02) << world;
    EXPECT_EQ(physics_figure(report, "parser.seen_share").value, 1) << world;
    EXPECT_LT(physics_figure(report, "parser.count_error").value, 0.02) << world;
    EXPECT_EQ(physics_figure(report, "abnormal_share").value, 0) << world;
    EXPECT_EQ(physics_figure(report, "position_error_px").n, 12) << world;
  }
}

TEST(Physics, CopyLastHasTheErrorThatItsDefinitionGives) {
  const std::string world = "uniform_motion";
  const auto report = physics_of(
      world, [](const at::Tensor& episode_THWC, int64_t) { return episode_THWC[kContext - 1]; });
  // By the truth: it stays where it was, so its velocity error is how far the ball really moved.
  double velocity = 0, position = 0;
  for (int64_t number = 0; number < 12; ++number) {
    const auto place = simulated_source(world, 12)
                           .read_column(number, "object_position", 0, kPhysicsFramesOf)
                           .select(1, 0)
                           .to(at::kDouble);
    const auto dreamed = place.slice(0, kContext);
    velocity += (dreamed - place.slice(0, kContext - 1, -1)).norm(2, 1).sum().item<double>();
    position += (dreamed - place[kContext - 1]).norm(2, 1).sum().item<double>();
  }
  EXPECT_NEAR(physics_figure(report, "velocity_error_px").value, velocity / (12 * kHorizon), 1e-6);
  EXPECT_NEAR(physics_figure(report, "position_error_px").value, position / (12 * kHorizon), 0.1);
  for (const std::string what : {"position_error_px", "velocity_error_px", "colour_error"}) {
    EXPECT_EQ(physics_figure(report, what).value,
              physics_figure(report, "copy_last." + what).value);
  }
  EXPECT_LT(physics_figure(report, "constant_velocity.position_error_px").value,
            physics_figure(report, "position_error_px").value);
}

TEST(Physics, APlantedDriftIsFound) {
  const auto report = physics_of("pendulum", [](const at::Tensor& episode_THWC, int64_t horizon) {
    return as_it_was(episode_THWC, horizon).roll(horizon / 4, 0);
  });
  for (const int64_t horizon : {1, 8, 16, 24}) {
    EXPECT_NEAR(physics_figure(report, c10::str("rollout.", horizon, ".position_error_px")).value,
                static_cast<double>(horizon / 4), 0.1)
        << horizon;
  }
  EXPECT_NEAR(physics_figure(report, "rollout.8.velocity_error_px").value, 1, 0.1);
  EXPECT_LT(physics_figure(report, "rollout.9.velocity_error_px").value, 0.1);
}

TEST(Physics, ObjectsThatChangeTheirColourAreMissedAndMakeADreamAbnormal) {
  const auto report =
      physics_of("uniform_motion", [](const at::Tensor& episode_THWC, int64_t horizon) {
        const auto frame = as_it_was(episode_THWC, horizon);
        return horizon > 12 ? frame.roll(1, 2) : frame;
      });
  EXPECT_EQ(physics_figure(report, "abnormal_share").value, 1);
  EXPECT_EQ(physics_figure(report, "rollout.12.seen_share").value, 1);
  EXPECT_LT(physics_figure(report, "rollout.13.seen_share").value, 0.2);
  EXPECT_GT(physics_figure(report, "count_error").value, 0.4);
}

TEST(Physics, ObjectsThatJumpOrGrowMakeADreamAbnormal) {
  const auto jumps = physics_of("pendulum", [](const at::Tensor& episode_THWC, int64_t horizon) {
    return as_it_was(episode_THWC, horizon).roll(horizon == 12 ? -36 : 0, 1);
  });
  EXPECT_GT(physics_figure(jumps, "abnormal_share").value, 0.9);
  const auto grows = physics_of("pendulum", [](const at::Tensor& episode_THWC, int64_t horizon) {
    const auto frame = as_it_was(episode_THWC, horizon);
    return horizon < 12 ? frame : at::maximum(frame, frame.roll(3, 1));
  });
  EXPECT_GT(physics_figure(grows, "size_error").value, 0.15);
}

TEST(Physics, SlowMotionHasAQuarterOfTheGravity) {
  const auto real = physics_of("parabola", as_it_was, 24);
  EXPECT_NEAR(physics_figure(real, "gravity_ratio").value, 1, 0.03);
  EXPECT_NEAR(physics_figure(real, "copy_last.gravity_ratio").value, 0, 1e-9);
  EXPECT_NEAR(physics_figure(real, "constant_velocity.gravity_ratio").value, 0, 1e-6);
  const auto slow = physics_of(
      "parabola",
      [](const at::Tensor& episode_THWC, int64_t horizon) {
        const auto first = as_it_was(episode_THWC, horizon / 2);
        return horizon % 2 == 0 ? first : (first + as_it_was(episode_THWC, horizon / 2 + 1)) / 2;
      },
      24);
  EXPECT_NEAR(physics_figure(slow, "gravity_ratio").value, 0.25, 0.15);
  EXPECT_EQ(find_figure(physics_of("uniform_motion", as_it_was), "physics", "gravity_ratio"),
            nullptr);
}

TEST(Physics, DataWithoutTrueStateAreSkippedWithALineThatSaysSo) {
  auto model = copy_last_model();
  const auto report = evaluate(model, turning_world({20, 20}), nullptr, {}, {"physics"});
  ASSERT_EQ(report.suites.size(), 1u);
  EXPECT_TRUE(report.suites[0].figures.empty());
  ASSERT_EQ(report.suites[0].notes.size(), 1u);
  EXPECT_NE(report.suites[0].notes[0].find("left out: episode 0 has no true state in the column "
                                           "object_position"),
            std::string::npos);
}

TEST(SuiteNeeds, EachThatIsLackingIsToldInTheReport) {
  auto model = copy_last_model();
  const auto note = [&](const SuiteNeeds& needs, const EpisodeSource& source) {
    const auto unmet = unmet_needs(needs, model, source);
    return unmet.empty() ? "" : unmet[0];
  };
  const auto turning = turning_world({20});
  EXPECT_EQ(note({}, turning), "");
  EXPECT_EQ(note({.has_actions = true}, turning), "");
  EXPECT_EQ(note({.has_actions = true}, simulated_source("parabola", 1)),
            "the data has no actions");
  EXPECT_EQ(note({.episodes = 2}, turning), "it needs 2 episodes or more");
  EXPECT_EQ(note({.has_tokenizer = true}, turning), "the model works on pixels");
  EXPECT_NE(note({.is_sampling = true}, turning).find("one network call"), std::string::npos);
  EXPECT_NE(note({.has_simulator = true}, turning).find("not of a simulated world"),
            std::string::npos);
  EXPECT_EQ(note({.columns = {"object_position"}}, simulated_source("parabola", 2)), "");
}

TEST(ParseObjects, GreySceneryIsNoObjectOfAnyColour) {
  const std::vector<UnitColour> colours{{0.9, 0.3, 0.3},   {0.3, 0.8, 0.4},    {0.94, 0.85, 0.35},
                                        {0.3, 0.53, 0.94}, {0.85, 0.38, 0.88}, {0.31, 0.85, 0.88}};
  auto frame_HWC = at::full({16, 64, 3}, 0.07);
  for (int64_t column = 0; column < 64; ++column) {  // every shade, as at the edges of a grey box
    frame_HWC.slice(0, 0, 4).select(1, column).fill_(0.07 + 0.9 * static_cast<double>(column) / 63);
  }
  for (const auto& seen : parse_objects(frame_HWC, colours, background_of(frame_HWC))) {
    EXPECT_FALSE(seen.is_seen());
  }
}

TEST(ParseObjects, FindsSubPixelPlacesAndPartialAreas) {
  // Half of a pixel column of red beside two whole ones, on black: centroid by area.
  auto frame_HWC = at::zeros({16, 16, 3});
  frame_HWC.narrow(0, 4, 3).narrow(1, 5, 2).select(2, 0).fill_(1);
  frame_HWC.narrow(0, 4, 3).narrow(1, 7, 1).select(2, 0).fill_(0.5);
  const auto seen = parse_objects(frame_HWC, {{1, 0, 0}, {0, 1, 0}}, background_of(frame_HWC));
  EXPECT_NEAR(seen[0].area_px, 7.5, 1e-6);
  EXPECT_NEAR(seen[0].x, (6 * 6 + 1.5 * 7.5) / 7.5, 1e-6);
  EXPECT_NEAR(seen[0].y, 5.5, 1e-6);
  EXPECT_NEAR(seen[0].colour[0], 1, 1e-6);
  EXPECT_FALSE(seen[1].is_seen());
}

}  // namespace
}  // namespace nextframe
