#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/trainer/evaluate_fakes.h"
#include "trainer/evaluate/comparison.h"

namespace nextframe {
namespace {

ModelScores scores_of(RuleModel model) {
  EvaluateConfig config;
  config.context_frames = 5;
  config.horizon_frames = 6;
  EvaluationContext evaluation(model, turning_world({20, 18, 20, 9, 20, 20}), nullptr, config, {});
  return {evaluation.one_step(), evaluation.rollouts()};
}

const ComparedFigure& figure_of(const std::vector<ComparedFigure>& figures,
                                const std::string& name) {
  for (const auto& figure : figures) {
    if (figure.name == name) return figure;
  }
  throw std::runtime_error("no figure " + name);
}

TEST(Comparison, CallsTheOracleBetterAndTheBlindModelWorse) {
  const auto blind = scores_of(copy_last_model()), oracle = scores_of(oracle_model());
  const auto better = compare_scores(blind, oracle, 6), worse = compare_scores(oracle, blind, 6);
  for (const std::string name : {"one_step.mse", "one_step.psnr_db", "rollout.1.ssim",
                                 "rollout.4.mse", "rollout.4.psnr_db"}) {
    EXPECT_EQ(figure_of(better, name).verdict(), "better") << name;
    EXPECT_EQ(figure_of(worse, name).verdict(), "worse") << name;
  }
  EXPECT_EQ(figure_of(better, "one_step.mse").value.value, 0);
  EXPECT_EQ(figure_of(better, "one_step.mse").difference.value,
            -figure_of(worse, "one_step.mse").value.value);
  EXPECT_EQ(figure_of(better, "rollout.4.mse").difference.n, 6);  // 9 frames are just enough
}

TEST(Comparison, PairsEpisodesSoThatASmallDifferenceShows) {
  // Their errors differ by episode far more than from each other.
  const auto dim = scores_of(dim_model());
  const auto dimmer = scores_of(RuleModel([](const at::Tensor& frame, const at::Tensor& action) {
    return turned(frame, action) * 0.899;
  }));
  const auto& figure = figure_of(compare_scores(dim, dimmer, 6), "one_step.mse");
  EXPECT_EQ(figure.verdict(), "worse");
  EXPECT_LT(figure.difference.high - figure.difference.low, figure.value.high - figure.value.low);
}

TEST(Comparison, FindsNoDifferenceBetweenAModelAndItself) {
  const auto scores = scores_of(dim_model());
  for (const auto& figure : compare_scores(scores, scores, 6))
    EXPECT_EQ(figure.verdict(), "no difference") << figure.name;
}

TEST(Comparison, IsWrittenWithEscapedNamesAndItsConfigDifferences) {
  const auto blind = scores_of(copy_last_model()), oracle = scores_of(oracle_model());
  Comparison comparison;
  comparison.runs = {{"runs/<a>", "step 1", compare_scores(blind, blind, 6), ""},
                     {"runs/b", "step 2", compare_scores(blind, oracle, 6), ""}};
  comparison.config = {{"model.dim", {"64", "128"}}};
  comparison.data = "held/*.h5";
  comparison.episodes = 6;
  comparison.context_frames = 5;
  const auto text = to_text(comparison);
  EXPECT_NE(text.find("model.dim                 64 | 128"), std::string::npos) << text;
  EXPECT_NE(text.find("better"), std::string::npos);
  const auto html = to_html(comparison);
  EXPECT_NE(html.find("runs/&lt;a&gt;"), std::string::npos);
  EXPECT_EQ(html.find("runs/<a>"), std::string::npos);
  const auto json = nlohmann::json::parse(to_json(comparison));
  EXPECT_EQ(json["runs"][1]["figures"]["one_step.mse"]["verdict"], "better");
  EXPECT_EQ(json["config"]["model.dim"][1], "128");
}

}  // namespace
}  // namespace nextframe
