#include "trainer/evaluate/report_view.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "launch/text.h"
#include "trainer/evaluate/predictor.h"
#include "trainer/version.h"

namespace nextframe {
namespace {

/// "copy_last.mse" -> {"copy_last", "mse"}; "mse" is the model's.
std::pair<std::string, std::string> split_name(const std::string& name) {
  const auto dot = name.rfind('.');
  if (dot == std::string::npos) return {"model", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

size_t place_of(std::vector<std::string>& words, const std::string& word) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  words.push_back(word);
  return words.size() - 1;
}

TableView view_of(const FigureTable& table, const std::string& metric) {
  TableView view{metric, {}, {}};
  for (const auto& row : table.rows) {
    view.rows.push_back({row.key, {}});
    auto& figures = view.rows.back().figures;
    for (const auto& entry : row.figures) {
      const auto [predictor, what] = split_name(entry.name);
      if (what != metric) continue;
      const size_t place = place_of(view.predictors, predictor);
      figures.resize(std::max(figures.size(), place + 1), nullptr);
      figures[place] = &entry.figure;
    }
  }
  for (auto& row : view.rows) row.figures.resize(view.predictors.size(), nullptr);
  return view;
}

}  // namespace

std::vector<TableView> views_of(const FigureTable& table) {
  std::vector<std::string> metrics;
  for (const auto& row : table.rows) {
    for (const auto& entry : row.figures) place_of(metrics, split_name(entry.name).second);
  }
  std::vector<TableView> views;
  for (const auto& metric : metrics) views.push_back(view_of(table, metric));
  return views;
}

bool is_landmark(int64_t key) {
  while (key > 3 && key % 2 == 0) key /= 2;
  return key <= 3;
}

std::vector<Headline> headlines_of(const EvaluationReport& report) {
  std::vector<Headline> headlines;
  const auto add = [&](const std::string& label, const std::string& suite,
                       const std::string& name) {
    if (const auto* figure = find_figure(report, suite, name)) headlines.push_back({label, figure});
  };
  add("one-step MSE", "quality", "one_step.mse");
  add("one-step MSE / copy-last", "quality", "one_step.mse_over_copy_last");
  add("one-step PSNR, dB", "quality", "one_step.psnr_db");
  add("one-step SSIM", "quality", "one_step.ssim");
  add("tokenizer PSNR, dB", "tokenizer", "psnr_db");
  add("tokenizer sharpness", "tokenizer", "sharpness");
  for (const auto* horizon : {"1", "4", "8", "12", "16", "32"}) {
    add(std::string("skill at horizon ") + horizon, "quality",
        std::string("rollout.") + horizon + ".skill");
  }
  add("action shuffle ratio", "control", "shuffle_ratio");
  add("counterfactual ratio (deaf: 1)", "control", "counterfactual_shown_ratio");
  add("dreamed position error, px", "physics", "position_error_px");
  add("  of constant velocity", "physics", "constant_velocity.position_error_px");
  add("abnormal dreams", "physics", "abnormal_share");
  add("gravity in dreams / true", "physics", "gravity_ratio");
  add("surprise (chance 0.5)", "surprise", "accuracy");
  add("  of what is hidden", "surprise", "hidden_accuracy");
  add("R^2 of position, hidden states", "probes", "position.best");
  add("  pixels", "probes", "position.pixels");
  add("R^2 of velocity, hidden states", "probes", "velocity.best");
  add("  untrained network", "probes", "velocity.untrained");
  add("R^2 of hidden position", "probes", "hidden_position.best");
  const std::set<std::string> named = {"quality", "tokenizer", "control",
                                       "physics", "surprise",  "probes"};
  constexpr size_t kMostOfASuite = 4;
  for (const auto& suite : report.suites) {
    if (named.contains(suite.name)) continue;
    for (size_t i = 0; i < std::min(suite.figures.size(), kMostOfASuite); ++i)
      headlines.push_back({suite.name + " " + suite.figures[i].name, &suite.figures[i].figure});
  }
  return headlines;
}

std::string format_value(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "none" : value > 0 ? "inf" : "-inf";
  return format("%.4g", value);
}

std::string format_interval(const Figure& figure) {
  std::string text = "[";
  text += format_value(figure.low) + ", " + format_value(figure.high);
  return text + "]";
}

std::string describe_model(const Provenance& provenance) {
  if (!provenance.predictions.empty()) return "predictions of " + provenance.predictions;
  const auto& run = provenance.run_folder;
  return "step " + std::to_string(provenance.step) + " of " +
         (run.empty() ? provenance.checkpoint_folder : run) +
         (provenance.checkpoint_folder.empty() ? ", during training" : "") +
         (provenance.is_ema ? ", averaged (EMA) weights" : ", trained weights (no average)");
}

std::string describe_episodes(const EvaluationReport& report) {
  if (!report.provenance.predictions.empty())
    return std::to_string(report.episodes) + ", those that the file has";
  const auto used = "the first " + std::to_string(report.episodes) + " by index";
  if (report.passed_over == 0) return used;
  return used + " that are long enough; " + std::to_string(report.passed_over) + " of fewer than " +
         std::to_string(kFirstScoredFrame + 1) + " frames were passed over";
}

std::vector<Definition> facts_of(const EvaluationReport& report) {
  const auto frames = [](int64_t count) { return std::to_string(count) + " frames"; };
  std::vector<Definition> facts = {
      {"model", describe_model(report.provenance)},
      {"checkpoint", report.provenance.checkpoint_folder},
      {"digest", report.provenance.digest},
      {"data", report.provenance.data},
      {"data fingerprint", report.data_fingerprint},
      {"episodes", describe_episodes(report)},
      {"clip", frames(report.clip_frames)},
      {"rollout", frames(report.context_frames) + " of context, up to " +
                      frames(report.horizon_frames) + " dreamed"},
      {"mean frame", "of the " + report.mean_frame_source},
      {"intervals", "95 %, bootstrap over episodes"},
      {"program", "nextframe " + version() + ", commit " + commit()}};
  std::erase_if(facts, [](const Definition& fact) { return fact.text.empty(); });
  return facts;
}

}  // namespace nextframe
