// Counterfactuals of the suite control with models whose dreams are known.
#include <gtest/gtest.h>

#include <algorithm>

#include "evaluate_fakes.h"
#include "simulated_source.h"
#include "trainer/evaluate/counterfactual.h"

namespace nextframe {
namespace {

/// Dreams what the simulator shows under the actions that it is told, mixed with what it shows
/// under the recorded ones: at a share of 1 it ignores what it is told.
class SimulatorModel : public RuleModel {
 public:
  SimulatorModel(std::shared_ptr<SimulatedEpisodes> made, double deaf_share)
      : RuleModel([](const at::Tensor& frame, const at::Tensor&) { return frame; }),
        made_(std::move(made)),
        deaf_share_(deaf_share) {}

  at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                     const RolloutOptions& options) override {
    std::vector<at::Tensor> dreams;
    const int64_t context = context_BTHWC.size(1), num_frames = actions_BTA.size(1) + 1;
    for (int64_t b = 0; b < context_BTHWC.size(0); ++b) {
      const auto number = options.sample_ids_B[b].item<int64_t>();
      const auto told_T = at::cat({actions_BTA[b].argmax(1), at::zeros({1}, at::kLong)});
      const auto told = made_->world().replay(
          {.key = made_->key(number), .num_frames = num_frames, .actions = told_T});
      const auto mixed =
          told.frames_THWC.to(at::kFloat)
              .lerp(made_->at(number).frames_THWC.slice(0, 0, num_frames).to(at::kFloat),
                    deaf_share_);
      dreams.push_back(mixed.slice(0, context) / 255.0);
    }
    return at::stack(dreams);
  }

 private:
  std::shared_ptr<SimulatedEpisodes> made_;
  double deaf_share_;
};

EvaluationReport control_of(const std::string& world, double deaf_share) {
  const auto made = std::make_shared<SimulatedEpisodes>(world, 20);
  SimulatorModel model(made, deaf_share);
  EvaluateConfig config;
  config.context_frames = 6;
  config.horizon_frames = 10;
  return evaluate(model, source_of(made, 6), nullptr, config, {"control"});
}

double control_figure(const EvaluationReport& report, const std::string& name) {
  const auto* figure = find_figure(report, "control", name);
  if (figure == nullptr) throw std::runtime_error("the report has no " + name);
  EXPECT_GE(figure->n, 4) << name;  // the paddle may have stayed anyway
  return figure->value;
}

TEST(Counterfactual, TheSimulatorIsPerfectAndADeafModelIsAtOne) {
  for (const std::string world : {"ball_and_paddle", "two_rooms"}) {
    for (const auto& [deaf_share, ratio] : {std::pair{0.0, 0.0}, {0.5, 0.25}, {1.0, 1.0}}) {
      const auto report = control_of(world, deaf_share);
      for (const std::string name :
           {"counterfactual_ratio", "counterfactual_shown_ratio", "no_op_ratio"}) {
        EXPECT_NEAR(control_figure(report, name), ratio, 1e-4) << world << " " << name;
      }
    }
  }
}

TEST(Counterfactual, WhatIsLackingIsALine) {
  const auto note_of = [](const EpisodeSource& source, const std::string& note) {
    auto model = copy_last_model();
    const auto report = evaluate(model, source, nullptr, {}, {"control"});
    EXPECT_EQ(find_figure(report, "control", "counterfactual_ratio"), nullptr);
    EXPECT_NE(find_figure(report, "control", "shuffle_ratio"), nullptr);
    return std::ranges::any_of(report.suites[0].notes, [&](const auto& line) {
      return line.find("no counterfactual_ratio: " + note) != std::string::npos;
    });
  };
  EXPECT_TRUE(note_of(turning_world({20, 20}), "the data are not of a simulated world"));
  auto strided = source_of(std::make_shared<SimulatedEpisodes>("two_rooms", 20), 2);
  strided.stride_frames = 2;
  EXPECT_TRUE(note_of(strided, "episodes are replayed without data.stride_frames"));
}

}  // namespace
}  // namespace nextframe
