// The probes suite with models whose hidden states are known.
#include <gtest/gtest.h>

#include <algorithm>

#include "evaluate_fakes.h"
#include "simulated_source.h"
#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/probe_targets.h"

namespace nextframe {
namespace {

constexpr int64_t kProbedFrames = 24, kProbedEpisodes = 36;

/// Tells hidden states that are made of the episode's true state, or of anything else.
class TellingModel : public RuleModel {
 public:
  using State = std::function<at::Tensor(int64_t number, int64_t frame)>;  // [N, D]
  explicit TellingModel(std::vector<State> layers)
      : RuleModel([](const at::Tensor& frame, const at::Tensor&) { return frame; }),
        layers_(std::move(layers)) {}

  std::vector<LayerStates> hidden_states(const at::Tensor& frames_BTHWC, const at::Tensor&,
                                         const RolloutOptions& options) override {
    std::vector<LayerStates> told;
    for (size_t i = 0; i < layers_.size(); ++i) {
      std::vector<at::Tensor> clips;
      for (int64_t b = 0; b < frames_BTHWC.size(0); ++b) {
        std::vector<at::Tensor> frames;
        for (int64_t t = 0; t < frames_BTHWC.size(1); ++t) {
          frames.push_back(
              layers_[i](options.sample_ids_B[b].item<int64_t>(), options.first_frame + t));
        }
        clips.push_back(at::stack(frames));
      }
      told.push_back({c10::str("part ", i), at::stack(clips)});
    }
    return told;
  }

 private:
  std::vector<State> layers_;
};

at::Tensor noise_state(int64_t number, int64_t frame) {
  auto generator =
      at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(1000 * number + frame));
  return at::randn({1, 64}, generator);
}

/// The column of an episode at a frame, mixed into 64 numbers.
TellingModel::State state_with(const std::shared_ptr<SimulatedEpisodes>& made,
                               const std::string& column) {
  return [made, column](int64_t number, int64_t frame) {
    const auto values = made->column(number, column)[frame].flatten();
    auto generator = at::make_generator<at::CPUGeneratorImpl>(7);
    return values.unsqueeze(0).matmul(at::randn({values.numel(), 64}, generator));
  };
}

EvaluationReport probes_of(TellingModel& model, const std::shared_ptr<SimulatedEpisodes>& made,
                           TellingModel* untrained = nullptr) {
  EvaluationAids aids;
  if (untrained != nullptr) {
    aids.make_untrained = [untrained] {
      return std::shared_ptr<WorldModel>(std::shared_ptr<void>(), untrained);
    };
  }
  return evaluate(model, source_of(made, kProbedEpisodes), nullptr, {}, {"probes"}, {}, aids);
}

double probe_figure(const EvaluationReport& report, const std::string& name) {
  const auto* figure = find_figure(report, "probes", name);
  if (figure == nullptr) throw std::runtime_error("the report has no " + name);
  EXPECT_LE(figure->low, figure->value) << name;
  EXPECT_GE(figure->high, figure->value) << name;
  return figure->value;
}

TEST(Probes, AStateThatHoldsThePositionIsReadAndNoiseIsNot) {
  const auto made = std::make_shared<SimulatedEpisodes>("uniform_motion", kProbedFrames);
  TellingModel model({noise_state, state_with(made, "object_position"), noise_state});
  TellingModel untrained({noise_state, noise_state, noise_state});
  const auto report = probes_of(model, made, &untrained);
  EXPECT_GT(probe_figure(report, "position.best"), 0.99);
  EXPECT_GT(probe_figure(report, "position.layers.1.r2"), 0.99);
  EXPECT_EQ(probe_figure(report, "position.best"), probe_figure(report, "position.layers.1.r2"));
  for (const std::string name :
       {"position.layers.0.r2", "position.layers.2.r2", "position.last", "position.shuffled",
        "position.untrained", "velocity.layers.1.r2", "velocity.shuffled"}) {
    EXPECT_LE(probe_figure(report, name), 0.05) << name;
    EXPECT_GE(probe_figure(report, name), -1) << name;
  }
  EXPECT_LT(probe_figure(report, "position.pixels"), 0.99);
  EXPECT_EQ(find_figure(report, "probes", "position.best")->n, 12);  // a third is tested
  EXPECT_EQ(find_figure(report, "probes", "count.best"), nullptr);   // one ball, always
  const auto json = to_json(report);
  EXPECT_NE(json.find("\"position\""), std::string::npos);
  EXPECT_NE(json.find("\"layers\": ["), std::string::npos);
}

TEST(Probes, RelationsAreAccuraciesBesideTheMajority) {
  const auto made = std::make_shared<SimulatedEpisodes>("collisions", kProbedFrames);
  TellingModel model({state_with(made, "object_position"), noise_state});
  const auto report = probes_of(model, made);
  EXPECT_GT(probe_figure(report, "left_of.best"), 0.9);
  const double majority = probe_figure(report, "left_of.majority");
  EXPECT_LT(majority, 0.7);
  EXPECT_NEAR(probe_figure(report, "left_of.last"), majority, 0.15);
  EXPECT_NEAR(probe_figure(report, "left_of.shuffled"), majority, 0.15);
  EXPECT_GT(probe_figure(report, "above.best"), 0.9);
  EXPECT_EQ(find_figure(report, "probes", "occluded.best"), nullptr);  // nothing ever is
  EXPECT_EQ(find_figure(report, "probes", "left_of.untrained"), nullptr);
  const auto& notes = report.suites[0].notes;
  const auto is_told = [&](const std::string& words) {
    return std::ranges::any_of(
        notes, [&](const auto& note) { return note.find(words) != std::string::npos; });
  };
  EXPECT_TRUE(is_told("no untrained: "));
  EXPECT_TRUE(is_told("occluded, inside: hardly varies, or too few frames have it"));
}

TEST(Probes, WhatIsHiddenIsAskedOnlyWhileItIsHidden) {
  const auto made = std::make_shared<SimulatedEpisodes>("occluders", kProbedFrames);
  // Forgets an object as soon as nothing of it is seen.
  TellingModel model({state_with(made, "object_position"), [&](int64_t number, int64_t frame) {
                        const auto visible = made->column(number, "object_visible")[frame];
                        const auto seen = made->column(number, "object_position")[frame] *
                                          visible.gt(0.001).unsqueeze(1);
                        return at::cat({seen.flatten(), visible}).unsqueeze(0);
                      }});
  const auto report = probes_of(model, made);
  EXPECT_GT(probe_figure(report, "hidden_position.best"), 0.95);
  EXPECT_GT(probe_figure(report, "position.last"), 0.95);
  EXPECT_LT(probe_figure(report, "hidden_position.last"), 0.05);
}

TEST(Probes, AnUnmetNeedIsALine) {
  const auto note_of = [](const EvaluationReport& report) {
    EXPECT_TRUE(report.suites.at(0).figures.empty());
    return report.suites.at(0).notes.at(0);
  };
  auto silent = copy_last_model();
  const auto made = std::make_shared<SimulatedEpisodes>("uniform_motion", 8);
  EXPECT_NE(note_of(evaluate(silent, source_of(made, 12), nullptr, {}, {"probes"}))
                .find("does not tell its hidden states"),
            std::string::npos);
  const std::vector<int64_t> lengths(12, 20);
  EXPECT_NE(note_of(evaluate(silent, turning_world(lengths), nullptr, {}, {"probes"}))
                .find("no true state in a column of positions"),
            std::string::npos);
  EXPECT_NE(note_of(evaluate(silent, turning_world({20}), nullptr, {}, {"probes"}))
                .find("it needs 12 episodes"),
            std::string::npos);
}

TEST(ProbeFrames, EachIsProbedOnceAfterHalfAWindow) {
  auto source = turning_world({30, 5, 200}, /*clip_frames=*/9);
  const auto frames = probe_frames(source);
  std::map<std::pair<size_t, int64_t>, int64_t> times;
  for (const auto& window : frames.windows) {
    EXPECT_LE(window.end - window.begin, 8);
    for (const int64_t row : window.rows) {
      ++times[{window.place, window.begin + row}];
      EXPECT_GE(row, 4);
      EXPECT_LT(window.begin + row, window.end);
    }
  }
  EXPECT_EQ(times.size(), 26u + 1 + 124);  // from frame 4 on, of 128 frames at most
  EXPECT_TRUE(std::ranges::all_of(times, [](const auto& entry) { return entry.second == 1; }));
  EXPECT_EQ(frames.num_rows(), static_cast<int64_t>(times.size()));
}

TEST(RandomProjection, KeepsInnerProductsOnAverageAndIsTheSameEveryTime) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(3);
  const auto x = at::randn({400, 5000}, generator);
  const RandomProjection project(5000, 512), again(5000, 512);
  const auto y = project(x);
  ASSERT_EQ(y.sizes(), (std::vector<int64_t>{400, 512}));
  EXPECT_TRUE(at::equal(y, again(x)));
  const double before = x.square().sum(1).mean().item<double>();
  EXPECT_NEAR(y.square().sum(1).mean().item<double>() / before, 1, 0.05);
  EXPECT_TRUE(at::equal(RandomProjection(512, 512)(y), y));
}

}  // namespace
}  // namespace nextframe
