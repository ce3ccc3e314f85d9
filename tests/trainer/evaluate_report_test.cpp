#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "data/durable_file.h"
#include "evaluate_fakes.h"
#include "trainer/evaluate/dream.h"
#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/report.h"
#include "trainer/evaluate/svg_plot.h"

namespace nextframe {
namespace {

EvaluationReport small_report() {
  auto model = dim_model();
  EvaluateConfig config;
  config.context_frames = 5;
  config.horizon_frames = 3;
  const auto train = turning_world({30});
  auto report = evaluate(model, turning_world({12, 12, 9}), &train, config);
  report.provenance = {"runs/turn",  "runs/turn/checkpoints/step_00000100", 100, "d1ge57", true,
                       "shards/*.h5"};
  return report;
}

/// Every path that leads to a value object, or the test fails at what is none.
void collect_figures(const nlohmann::json& node, const std::string& path,
                     std::set<std::string>& paths) {
  if (node.contains("value")) {
    ASSERT_EQ(node.size(), 3u) << path;
    ASSERT_TRUE(node["interval"].is_array() && node["interval"].size() == 2) << path;
    ASSERT_TRUE(node["n"].is_number_integer()) << path;
    if (node["value"].is_number()) {
      EXPECT_LE(node["interval"][0], node["value"]) << path;
      EXPECT_GE(node["interval"][1], node["value"]) << path;
    }
    paths.insert(path);
    return;
  }
  ASSERT_TRUE(node.is_object()) << path;
  for (const auto& [key, child] : node.items()) {
    if (path == "rollout" && key == "horizon") continue;
    collect_figures(child, path.empty() ? key : path + "." + key, paths);
  }
}

TEST(Report, JsonHasTheFieldsThatScriptsRelyOn) {
  const auto json = nlohmann::json::parse(to_json(small_report()));
  const auto& quality = json["suites"]["quality"];
  std::set<std::string> one_step;
  collect_figures(quality["one_step"], "", one_step);
  for (const auto* name : {"mse", "mse_over_copy_last", "psnr_db", "ssim", "psnr_pooled_db",
                           "psnr_capped_fraction", "copy_last.mse", "mean_frame.ssim"}) {
    EXPECT_TRUE(one_step.contains(name)) << name;
  }
  ASSERT_EQ(quality["rollout"].size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const auto& row = quality["rollout"][i];
    EXPECT_TRUE(row["horizon"].is_number_integer());
    EXPECT_EQ(row["horizon"], i + 1);
    std::set<std::string> expected, found;
    for (const std::string who : {"", "copy_last.", "mean_frame.", "linear.", "teacher_forced."}) {
      for (const auto* what : {"mse", "psnr_db", "ssim", "skill"}) {
        expected.insert("rollout." + who + what);
      }
    }
    expected.insert({"rollout.sharpness", "rollout.teacher_forced.sharpness"});
    collect_figures(row, "rollout", found);
    EXPECT_EQ(found, expected);
  }
  auto control_json = json["suites"]["control"];
  EXPECT_EQ(control_json["notes"].size(), 1u);  // no simulator has made these data
  control_json.erase("notes");
  std::set<std::string> control;
  collect_figures(control_json, "", control);
  EXPECT_EQ(control, (std::set<std::string>{"delta_psnr_db", "shuffle_ratio"}));
}

TEST(Report, JsonNamesTheWeightsAndTheData) {
  const auto json = nlohmann::json::parse(to_json(small_report()));
  EXPECT_EQ(json["model"]["weights"], "ema");
  EXPECT_EQ(json["model"]["digest"], "d1ge57");
  EXPECT_EQ(json["model"]["step"], 100);
  EXPECT_EQ(json["data"]["fingerprint"], "turning");
  EXPECT_EQ(json["data"]["episodes"], 3);
  EXPECT_EQ(json["settings"]["context_frames"], 5);
  EXPECT_TRUE(json["definitions"].contains("skill"));
  EXPECT_TRUE(json["definitions"].contains("shuffle_ratio"));
}

TEST(Report, WhatIsNotKnownDuringTrainingIsLeftOut) {
  auto report = small_report();
  report.provenance = {"runs/turn", "", 100, "", true, "shards/*.h5"};
  const auto model = nlohmann::json::parse(to_json(report))["model"];
  EXPECT_EQ(model, (nlohmann::json{{"run", "runs/turn"}, {"step", 100}, {"weights", "ema"}}));
  const auto text = to_markdown(report);
  EXPECT_NE(text.find("step 100 of runs/turn, during training, averaged"), std::string::npos);
  EXPECT_EQ(text.find("- checkpoint:"), std::string::npos);
  EXPECT_EQ(text.find("- digest:"), std::string::npos);
}

TEST(Report, DotsNestInTheNamesOfTablesAsInThoseOfFigures) {
  EvaluationReport report;
  const Figure figure{1, 0, 2, 3};
  report.suites = {
      {"a", {{"b.last", figure}}, {{"b.layers", "layer", {{4, {{"r2", figure}}}}}}, {}, {}}};
  const auto b = nlohmann::json::parse(to_json(report))["suites"]["a"]["b"];
  EXPECT_EQ(b["last"]["n"], 3);
  EXPECT_EQ(b["layers"][0]["layer"], 4);
  EXPECT_EQ(b["layers"][0]["r2"]["value"], 1);
  EXPECT_NE(find_figure(report, "a", "b.layers.4.r2"), nullptr);
}

TEST(Report, AFigureThatIsNotFiniteIsNull) {
  EvaluationReport report;
  report.suites = {{"a", {{"b.c", {1.0 / 0.0, 0.0, 1.0, 2}}}, {}, {}, {}}};
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_TRUE(json["suites"]["a"]["b"]["c"]["value"].is_null());
  EXPECT_EQ(json["suites"]["a"]["b"]["c"]["n"], 2);
}

TEST(Report, FiguresAreFoundByName) {
  const auto report = small_report();
  EXPECT_NE(find_figure(report, "quality", "rollout.3.copy_last.mse"), nullptr);
  EXPECT_EQ(find_figure(report, "quality", "rollout.4.mse"), nullptr);
  EXPECT_EQ(find_figure(report, "control", "one_step.mse"), nullptr);
}

TEST(Report, MarkdownPrintsDefinitionsBesideTheNumbers) {
  const auto text = to_markdown(small_report());
  for (const auto* part :
       {"averaged (EMA) weights", "d1ge57", "turning", "| one_step.mse |", "### rollout: skill",
        "| horizon | model | copy_last |", "- `ssim`: Wang et al. 2004", "- `shuffle_ratio`: "}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
}

TEST(Report, SummaryHasTheHeadlinesAndNothingThatWasNotMeasured) {
  const auto text = to_summary(small_report());
  for (const auto* part : {"3 held-out episodes", "one-step MSE / copy-last", "skill at horizon 1 ",
                           "action shuffle ratio"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(text.find("skill at horizon 4"), std::string::npos);  // three frames were dreamed
}

TEST(Report, SummaryGivesReasonsForAFewSuitesThatWereLeftOutAndNamesMany) {
  auto report = small_report();
  std::erase_if(report.suites, [](const SuiteReport& suite) { return !suite.notes.empty(); });
  for (const auto* name : {"fill", "physics"})
    report.suites.push_back({name, {}, {}, {}, {"left out: it needs more"}});
  report.suites.push_back({"surprise", {}, {}, {}, {"no surprise: the clips are too short"}});
  EXPECT_NE(to_summary(report).find("  fill: left out: it needs more\n"), std::string::npos);
  for (const auto* name : {"probes", "steps"})
    report.suites.push_back({name, {}, {}, {}, {"left out: it needs more", "and more"}});
  const auto text = to_summary(report);
  EXPECT_NE(text.find("  left out: fill, physics, probes, steps; the report says why\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("it needs more"), std::string::npos);
  EXPECT_NE(text.find("  surprise: no surprise: the clips are too short\n"), std::string::npos);
}

TEST(Report, HtmlNeedsNothingFromOutside) {
  auto report = small_report();
  report.provenance.data = "<shards> & \"more\"";
  const auto html = to_html(report, "abcd", "ef");
  EXPECT_NE(html.find("data:image/png;base64,YWJjZA=="), std::string::npos);
  EXPECT_NE(html.find("data:image/webp;base64,ZWY="), std::string::npos);
  EXPECT_NE(html.find("&lt;shards&gt; &amp; &quot;more&quot;"), std::string::npos);
  EXPECT_NE(html.find("skill by horizon"), std::string::npos);
  EXPECT_NE(html.find("url(#clip-skill-by-horizon)"), std::string::npos);
  for (const auto* outside : {"http:", "https:", "<script", "<link", "@import", "<shards>"}) {
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
  }
}

TEST(Report, APlotsTicksAreRound) {
  EXPECT_DOUBLE_EQ(tick_step(1.5), 0.5);
  EXPECT_DOUBLE_EQ(tick_step(32), 10);
  EXPECT_DOUBLE_EQ(tick_step(0.0042), 0.001);
}

TEST(Report, FilesAreWrittenTogether) {
  const auto folder = ::testing::TempDir() + "/evaluate_report/step";
  auto model = oracle_model();
  const auto dreams = dream(model, turning_world({9}), {0}, 5, 3, {});
  write_report(folder, small_report(), dreams);
  EXPECT_EQ(read_text(folder + "/report.json"), to_json(small_report()));
  EXPECT_EQ(read_text(folder + "/report.md"), to_markdown(small_report()));
  EXPECT_NE(read_text(folder + "/report.html").find("base64,iVBORw0KGgo"), std::string::npos);
}

}  // namespace
}  // namespace nextframe
