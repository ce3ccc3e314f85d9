// The `probes` suite: what of a simulated world's true state can be read off a model's hidden
// states by a linear map. Beside each figure stand pixels, an untrained network, and shuffled
// labels, read by probes of the same width.
#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/probes.h"

namespace nextframe {
namespace {

/// The scores of each layer of one network.
std::vector<ScoreByTarget> scores_of(const Probes& probes,
                                     const std::vector<LayerFeatures>& layers) {
  std::vector<ScoreByTarget> scores;
  for (const auto& layer : layers) scores.push_back(probes.score(layer.features_RF));
  return scores;
}

/// The layer that is best on the rows that lambda is chosen by.
size_t best_layer(const std::vector<ScoreByTarget>& layers, size_t target) {
  const auto r2 = [&](const ScoreByTarget& scores) { return scores.at(target).choice_r2; };
  return static_cast<size_t>(std::ranges::max_element(layers, {}, r2) - layers.begin());
}

/// What is probed beside the layers.
struct ProbeControls {
  ScoreByTarget pixels, majority;
  std::vector<ScoreByTarget> untrained;      // by layer; empty without such a network
  std::map<size_t, ScoreByTarget> shuffled;  // of the layers that are best at something
};

void report_target(EvaluationContext& evaluation, const Probes& probes, size_t target,
                   const std::vector<LayerFeatures>& layers,
                   const std::vector<ScoreByTarget>& scores, const ProbeControls& controls,
                   SuiteReport& report) {
  const auto& [name, is_relation, columns] = probes.targets()[target];
  const auto figure = [&](const ScoreByTarget& score) {
    return probes.figure(evaluation.bootstrap(), target, score.at(target));
  };
  const auto add = [&, name = name](const std::string& what, const ScoreByTarget& score) {
    report.figures.push_back({name + "." + what, figure(score)});
  };
  FigureTable table{name + ".layers", "layer", {}};
  for (size_t i = 0; i < layers.size(); ++i) {
    table.rows.push_back({layers[i].layer, {{is_relation ? "accuracy" : "r2", figure(scores[i])}}});
  }
  const auto best = best_layer(scores, target);
  add("best", scores[best]);
  add("last", scores.back());
  add("pixels", controls.pixels);
  if (!controls.untrained.empty())
    add("untrained", controls.untrained[best_layer(controls.untrained, target)]);
  add("shuffled", controls.shuffled.at(best));
  if (is_relation) add("majority", controls.majority);
  report.tables.push_back(std::move(table));
}

std::vector<Definition> probe_definitions() {
  return {
      {"probes",
       c10::str(
           "ridge regression from hidden states to the true state of the same frame, with true "
           "frames as input; features are the mean over a layer's tokens and a random "
           "projection of all of them, together ",
           kProbeWidth, " numbers at most")},
      {"best",
       "R^2 (of relations: share of right answers) on episodes that no probe was fitted to, of the "
       "layer that is best on those that choose lambda; last: of the last layer; layers: of each"},
      {"pixels", "the same from the frame and the one before it, by a projection of that width"},
      {"untrained", "the same from the best layer of a network with other initial weights"},
      {"shuffled",
       "the best layer, fitted to the labels of other frames: about 0, or the majority"},
      {"majority", "of relations: the commoner answer every time"},
      {"hidden_position", "of objects of which nothing is seen; where a screen stands says a part"},
      {"reading",
       "a model knows more than its input shows where the interval of best lies above pixels and "
       "untrained; where one of these does as well, nothing was learned that this probe can tell"}};
}

std::string names_of_layers(const std::vector<LayerFeatures>& layers) {
  std::string text;
  for (const auto& layer : layers)
    text += (text.empty() ? "" : ", ") + c10::str(layer.layer, " is ", layer.name);
  return text;
}

ProbeControls controls_of(EvaluationContext& evaluation, const Probes& probes,
                          const ProbeFrames& frames, const std::vector<LayerFeatures>& layers,
                          const std::vector<ScoreByTarget>& scores, SuiteReport& report) {
  ProbeControls controls;
  controls.pixels = probes.score(pixel_features(evaluation.held_out(), frames));
  controls.majority = probes.majority();
  for (size_t target = 0; target < probes.targets().size(); ++target) {
    if (!probes.asks(target)) continue;
    const auto best = best_layer(scores, target);
    if (!controls.shuffled.contains(best))
      controls.shuffled[best] = probes.score(layers[best].features_RF, /*shuffled=*/true);
  }
  const auto untrained = evaluation.aids().make_untrained();
  if (untrained == nullptr) {
    report.notes.push_back("no untrained: there is no config to make another network from");
    return controls;
  }
  Predictor predictor(*untrained, rollout_options(evaluation.config()), evaluation.progress());
  controls.untrained =
      scores_of(probes, network_features(predictor, evaluation.held_out(), frames));
  return controls;
}

SuiteReport run_probes(EvaluationContext& evaluation) {
  SuiteReport report{"probes", {}, {}, probe_definitions(), {}};
  const auto& source = evaluation.held_out();
  const auto frames = probe_frames(source);
  const Probes probes(probe_targets(source, frames), frames);
  if (probes.targets().empty()) {
    report.notes.push_back(
        "left out: the episodes have no true state in a column of positions (object_position, "
        "ball_position or square_position), which simulated worlds store (nextframe data worlds)");
    return report;
  }
  const auto layers = network_features(evaluation.predictor(), source, frames);
  if (layers.empty()) {
    report.notes.push_back("left out: the model does not tell its hidden states");
    return report;
  }
  report.definitions.push_back({"layer", names_of_layers(layers)});
  const auto scores = scores_of(probes, layers);
  const auto controls = controls_of(evaluation, probes, frames, layers, scores, report);
  std::string unasked;
  for (size_t target = 0; target < probes.targets().size(); ++target) {
    if (probes.asks(target)) {
      report_target(evaluation, probes, target, layers, scores, controls, report);
    } else {
      unasked += (unasked.empty() ? "" : ", ") + probes.targets()[target].name;
    }
  }
  if (!unasked.empty())
    report.notes.push_back("no " + unasked + ": hardly varies, or too few frames have it");
  return report;
}

NF_REGISTER_LONG_SUITE(probes, "what of the true state can be read off the hidden states",
                       run_probes, {.steps = true, .episodes = 12})

}  // namespace
}  // namespace nextframe
