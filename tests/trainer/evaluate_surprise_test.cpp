// The suite surprise: its sets test themselves over every world and violation, and models of known
// insight get the figures that they deserve.
#include <gtest/gtest.h>

#include <cmath>

#include "evaluate_fakes.h"
#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/surprise_scores.h"

namespace nextframe {
namespace {

using SurpriseKind = Violation::Kind;

constexpr int64_t kSurpriseEpisodeFrames = 64;

std::vector<std::string> surprising_worlds() {
  std::vector<std::string> names;
  for (const auto& name : WorldRegistry::instance().names()) {
    if (!WorldRegistry::instance().get(name, "world").violations.empty()) names.push_back(name);
  }
  return names;
}

/// Episodes of a simulated world that can be replayed, without shards.
EpisodeSource replayable_source(const std::string& name, int64_t episodes,
                                int64_t clip_frames = 16) {
  const auto& world = WorldRegistry::instance().get(name, "world");
  EpisodeSource source;
  const auto first = world.episode({1, 1, 0}, 1);
  source.shape = {clip_frames, first.frames_THWC.size(1), first.frames_THWC.size(2), 3,
                  world.action_space.width};
  for (int64_t number = 0; number < episodes; ++number)
    source.episodes.push_back({number, kSurpriseEpisodeFrames});
  const auto key = [](int64_t number) { return EpisodeKey{1, 1, static_cast<uint64_t>(number)}; };
  source.read = [&world, key](int64_t number, int64_t begin, int64_t count) {
    const auto made = world.episode(key(number), kSurpriseEpisodeFrames);
    const auto actions_TA =
        world.action_space.width == 0
            ? at::zeros({count, 0})
            : at::one_hot(made.actions, world.action_space.width).to(at::kFloat);
    return Episode{made.frames_THWC.narrow(0, begin, count),
                   world.action_space.width == 0 ? actions_TA : actions_TA.narrow(0, begin, count)};
  };
  source.read_actions = [read = source.read](int64_t number, int64_t begin, int64_t count) {
    return read(number, begin, count).actions_TA;
  };
  source.origin = [name, &world, key](int64_t number) {
    return WorldOrigin{name, WorldRange::inside, key(number), world.objects};
  };
  return source;
}

EvaluationReport surprise_report(WorldModel& model, const EpisodeSource& source) {
  return evaluate(model, source, nullptr, {}, {"surprise"});
}

const Figure& surprise_figure(const EvaluationReport& report, const std::string& name) {
  const auto* figure = find_figure(report, "surprise", name);
  if (figure == nullptr) throw std::runtime_error("the report has no " + name);
  return *figure;
}

/// A model of whole clips: predictions of frames 1 .. T - 1 from [T, H, W, C] in [0, 1].
class ClipModel : public WorldModel {
 public:
  using Rule = std::function<at::Tensor(const at::Tensor& frames_THWC)>;
  explicit ClipModel(Rule rule) : rule_(std::move(rule)) {}

  std::vector<std::pair<int64_t, at::Tensor>> told;  // sample ids and actions, in order of calls

  LossTerms loss(const Batch&, const at::Tensor&) override { return {}; }
  at::Tensor one_step(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                      const RolloutOptions& options) override {
    std::vector<at::Tensor> predicted;
    for (int64_t b = 0; b < frames_BTHWC.size(0); ++b) {
      told.emplace_back(options.sample_ids_B[b].item<int64_t>(), actions_BTA[b].clone());
      predicted.push_back(rule_(frames_BTHWC[b].to(at::kFloat).div(255.0)));
    }
    return at::stack(predicted);
  }
  at::Tensor rollout(const at::Tensor&, const at::Tensor&, const RolloutOptions&) override {
    throw std::logic_error("not asked for");
  }

 private:
  Rule rule_;
};

/// The colour of what differs most from the background; none if there is nothing.
at::Tensor strongest_colour(const at::Tensor& frame_HWC) {
  const auto away_HW = (frame_HWC - frame_HWC[0][0]).abs().sum(-1);
  if (away_HW.max().item<float>() < 0.2) return {};
  return frame_HWC.flatten(0, 1)[away_HW.flatten().argmax()];
}

/// Copies the last frame, but with each clip's first colour: it knows that colours last, no more.
ClipModel colour_model() {
  return ClipModel([](const at::Tensor& frames_THWC) {
    auto predicted_THWC = frames_THWC.slice(0, 0, -1).clone();
    at::Tensor first_C;
    for (int64_t t = 0; t < predicted_THWC.size(0); ++t) {
      auto frame_HWC = predicted_THWC[t];
      const auto colour_C = strongest_colour(frame_HWC);
      if (!colour_C.defined()) continue;
      if (!first_C.defined()) first_C = colour_C;
      if ((colour_C - first_C).abs().max().item<float>() < 0.05) continue;
      const auto is_object_HW = (frame_HWC - frame_HWC[0][0]).abs().sum(-1).gt(0.2);
      frame_HWC.copy_(at::where(is_object_HW.unsqueeze(-1), first_C, frame_HWC));
    }
    return predicted_THWC;
  });
}

std::vector<SurpriseQuadruplet> quadruplets_of(const EpisodeSource& source, SurpriseKind kind,
                                               double size) {
  std::vector<SurpriseQuadruplet> fours;
  for (const size_t place : all_places(source)) {
    const auto event = find_surprise(source, place, kind, size);
    if (event) fours.push_back(make_quadruplet(source, *event));
  }
  return fours;
}

double strong_size(SurpriseKind kind) {
  return kind == SurpriseKind::teleport ? 8 : kind == SurpriseKind::resize ? 1.48 : 1;
}

SurpriseVerdicts surprise_verdicts(WorldModel& model, const EpisodeSource& source,
                                   const std::vector<SurpriseQuadruplet>& fours) {
  Predictor predictor(model, {}, {});
  SurpriseVerdicts verdicts;
  judge_surprise(predictor, source, fours, mean_frame(source), verdicts);
  return verdicts;
}

TEST(Surprise, EverySetTestsItself) {
  auto model = copy_last_model();
  for (const auto& world : surprising_worlds()) {
    const auto source = replayable_source(world, 12);
    for (const auto kind : WorldRegistry::instance().get(world, "world").violations) {
      const auto name = world + " " + to_string(kind);
      const auto fours = quadruplets_of(source, kind, strong_size(kind));
      EXPECT_EQ(fours.size(), 12u) << name;
      const auto verdicts = surprise_verdicts(model, source, fours);
      EXPECT_EQ(surprise_problem(verdicts), "") << name;
      for (const auto& [predictor, points] : verdicts) {  // each, not on average
        const double expected = predictor == "oracle" ? 1 : 0.5;
        EXPECT_EQ(points, std::vector<double>(12, expected)) << name << " " << predictor;
      }
    }
  }
}

TEST(Surprise, WhereThingsCanHideEventsAreHidden) {
  for (const std::string world : {"occluders", "containers", "two_rooms"}) {
    const auto source = replayable_source(world, 12, 32);
    int64_t num_hidden = 0;
    for (const auto& four : quadruplets_of(source, SurpriseKind::vanish, 1)) {
      const auto& event = four.event;
      if (event.hidden_frames == 0) continue;
      ++num_hidden;
      const auto hidden = [&](size_t i) {
        return four.clips_THWC.at(i).slice(0, 0, event.begin - event.clip_begin);
      };
      EXPECT_TRUE(hidden(0).equal(hidden(2))) << world << ": nothing tells of it before it shows";
      EXPECT_TRUE(hidden(1).equal(hidden(3))) << world;
      EXPECT_TRUE(four.matched_WHW.all().item<bool>()) << world << ": every pixel counts";
    }
    EXPECT_GE(num_hidden, 6) << world;
  }
  for (const auto& four :
       quadruplets_of(replayable_source("uniform_motion", 4), SurpriseKind::vanish, 1)) {
    EXPECT_EQ(four.event.hidden_frames, 0);
  }
}

TEST(Surprise, TheReportHasEachKindEachStrengthAndHowLongItWasHidden) {
  auto model = copy_last_model();
  const auto report = surprise_report(model, replayable_source("occluders", 4));
  EXPECT_TRUE(report.suites[0].notes.empty());
  for (const std::string name : {"accuracy", "hidden_accuracy", "vanish_accuracy", "stop_accuracy",
                                 "teleport_by_size.2.accuracy", "recolour_by_size.32.accuracy",
                                 "resize_by_size.48.accuracy"}) {
    EXPECT_EQ(surprise_figure(report, name).value, 0.5) << name;
    EXPECT_EQ(surprise_figure(report, name).n, 4) << name;
    const auto dot = name.rfind('.') + 1;  // 0 without a dot
    const auto oracle = name.substr(0, dot) + "oracle." + name.substr(dot);
    EXPECT_EQ(surprise_figure(report, oracle).value, 1) << name;
  }
  EXPECT_FALSE(report.suites[0].tables.back().rows.empty());
  const auto containers = surprise_report(model, replayable_source("containers", 2));
  EXPECT_NE(find_figure(containers, "surprise", "teleport_accuracy"), nullptr);
  EXPECT_EQ(find_figure(containers, "surprise", "teleport_by_size.2.accuracy"), nullptr)
      << "the other box is no px away";
}

/// Knows how each clip goes on: as the possible clip that begins as it does for the longest time.
TEST(Surprise, AModelThatKnowsTheSimulatorIsAlwaysRight) {
  for (const auto& [world, kind] :
       std::vector<std::pair<std::string, SurpriseKind>>{{"occluders", SurpriseKind::stop},
                                                         {"collisions", SurpriseKind::pass_through},
                                                         {"uniform_motion", SurpriseKind::teleport},
                                                         {"containers", SurpriseKind::vanish},
                                                         {"two_rooms", SurpriseKind::recolour}}) {
    const auto source = replayable_source(world, 6, 24);
    const auto fours = quadruplets_of(source, kind, strong_size(kind));
    std::vector<at::Tensor> possible;
    for (const auto& four : fours) {
      for (size_t i = 0; i < 2; ++i)
        possible.push_back(four.clips_THWC.at(i).to(at::kFloat).div(255.0));
    }
    ClipModel model([&possible](const at::Tensor& frames_THWC) {
      int64_t longest = -1;
      at::Tensor best_THWC;
      for (const auto& clip_THWC : possible) {
        const auto same_T = clip_THWC.eq(frames_THWC).flatten(1).all(1).to(at::kLong);
        const auto prefix = same_T.cumprod(0).sum().item<int64_t>();
        if (prefix > longest) longest = prefix, best_THWC = clip_THWC;
      }
      return best_THWC.slice(0, 1);
    });
    const auto verdicts = surprise_verdicts(model, source, fours);
    EXPECT_EQ(verdicts.at("model"), std::vector<double>(6, 1)) << world;
  }
}

TEST(Surprise, AModelThatKnowsColoursOnlyIsRightOnColoursOnly) {
  auto model = colour_model();
  for (const std::string world : {"uniform_motion", "parabola"}) {
    const auto source = replayable_source(world, 12);
    for (const auto kind : WorldRegistry::instance().get(world, "world").violations) {
      const auto fours = quadruplets_of(source, kind, strong_size(kind));
      const auto verdicts = surprise_verdicts(model, source, fours);
      const double expected = kind == SurpriseKind::recolour ? 1 : 0.5;
      EXPECT_EQ(verdicts.at("model"), std::vector<double>(12, expected))
          << world << " " << to_string(kind);
    }
  }
}

TEST(Surprise, AllFourFormsAreToldTheSameActionsAndSampledWithTheSameNoise) {
  ClipModel model([](const at::Tensor& frames_THWC) { return frames_THWC.slice(0, 0, -1); });
  const auto source = replayable_source("two_rooms", 4);
  const auto fours = quadruplets_of(source, SurpriseKind::vanish, 1);
  ASSERT_EQ(fours.size(), 4u);
  surprise_verdicts(model, source, fours);
  ASSERT_EQ(model.told.size(), 16u);
  for (size_t i = 0; i < model.told.size(); ++i) {
    const auto& event = fours[i % 4].event;
    EXPECT_EQ(model.told[i].first, event.number);
    const auto own_TA =
        source.read_actions(event.number, event.clip_begin, event.clip_end - event.clip_begin);
    EXPECT_TRUE(model.told[i].second.equal(own_TA)) << i;
  }
}

/// Its latent action says whether the next frame is another one.
class ChangeModel : public ClipModel {
 public:
  ChangeModel()
      : ClipModel([](const at::Tensor& frames_THWC) { return frames_THWC.slice(0, 0, -1); }) {}
  int64_t num_latent_actions() const override { return 2; }
  at::Tensor infer_actions(const at::Tensor& frames_BTHWC) override {
    const auto differs_BT =
        frames_BTHWC.slice(1, 1).ne(frames_BTHWC.slice(1, 0, -1)).flatten(2).any(2);
    const auto last_B1 = at::zeros({frames_BTHWC.size(0), 1}, at::kBool);
    return at::one_hot(at::cat({differs_BT, last_B1}, 1).to(at::kLong), 2).to(at::kFloat);
  }
};

TEST(Surprise, LatentActionsAreReadOffEachFormsOwnFrames) {
  ChangeModel model;
  const auto source = with_latent_actions(replayable_source("occluders", 3), model);
  const auto fours = quadruplets_of(source, SurpriseKind::stop, 1);
  ASSERT_EQ(fours.size(), 3u);
  const auto verdicts = surprise_verdicts(model, source, fours);
  EXPECT_EQ(surprise_problem(verdicts), "");
  ASSERT_EQ(model.told.size(), 12u);
  for (size_t i = 0; i < model.told.size(); ++i) {
    const auto clip_1THWC = fours[i % 3].clips_THWC.at(i / 3).unsqueeze(0);
    EXPECT_TRUE(model.told[i].second.equal(model.infer_actions(clip_1THWC)[0])) << i;
  }
}

TEST(Surprise, ASetWhoseFormsDifferInMoreThanTheEventDoesNotCount) {
  auto model = copy_last_model();
  const auto source = replayable_source("uniform_motion", 12);
  const auto problem_of = [&](const std::vector<SurpriseQuadruplet>& some) {
    return surprise_problem(surprise_verdicts(model, source, some));
  };
  const auto fours = quadruplets_of(source, SurpriseKind::vanish, 1);
  EXPECT_EQ(problem_of(fours), "");
  auto unmatched = fours;  // the pixels by which the event itself can be seen are let in
  for (auto& four : unmatched) four.matched_WHW = at::ones_like(four.matched_WHW);
  EXPECT_NE(problem_of(unmatched).find("copy_last, which knows nothing, is right in 1"),
            std::string::npos);
  auto brighter = fours;
  for (auto& four : brighter) {
    four.clips_THWC[2] = four.clips_THWC[2].to(at::kInt).add(9).clamp_max(255).to(at::kByte);
  }
  EXPECT_NE(problem_of(brighter), "");
  auto uneventful = fours;
  for (auto& four : uneventful) {
    four.clips_THWC[2] = four.clips_THWC[0], four.clips_THWC[3] = four.clips_THWC[1];
  }
  EXPECT_NE(problem_of(uneventful).find("the simulator is right in 0.5"), std::string::npos);
}

TEST(Surprise, WilsonsIntervalIsThatOfItsFormula) {
  std::vector<double> verdicts(20, 1);
  const auto all = accuracy_of(verdicts, 20);
  EXPECT_NEAR(all.low, 0.8389, 1e-4);
  EXPECT_EQ(all.high, 1);
  std::fill(verdicts.begin(), verdicts.begin() + 10, 0);
  const auto half = accuracy_of(verdicts, 20);
  EXPECT_NEAR(half.low, 0.2993, 1e-4);
  EXPECT_NEAR(half.high, 0.7007, 1e-4);
  EXPECT_EQ(half.n, 20);
  EXPECT_EQ(accuracy_of({}, 0).n, 0);
}

TEST(Surprise, WhatCannotBeMeasuredIsToldInANote) {
  auto model = copy_last_model();
  const auto note = [&](const EpisodeSource& source) {
    const auto report = surprise_report(model, source);
    return report.suites[0].notes.empty() ? "" : report.suites[0].notes[0];
  };
  EXPECT_NE(note(replayable_source("bouncing_square", 2)).find("can show no impossible event"),
            std::string::npos);
  EXPECT_NE(note(replayable_source("uniform_motion", 2, 7)).find("clips of 7 frames"),
            std::string::npos);
  EXPECT_NE(note(turning_world({20})).find("left out: the data are not of a simulated world"),
            std::string::npos);
}

}  // namespace
}  // namespace nextframe
