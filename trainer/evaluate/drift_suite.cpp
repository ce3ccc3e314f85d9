// The `drift` suite: what becomes of a dream that goes on for long.
#include <algorithm>
#include <cmath>

#include "trainer/evaluate/evaluate.h"

namespace nextframe {
namespace {

constexpr int64_t kDriftEpisodes = 16, kClipLengths = 4;

/// What a dreamed frame adds at its horizon.
enum DriftSum : size_t {
  kDriftFrames,
  kDriftMse,
  kDriftTrivial,  // the better of copy_last and mean_frame
  kDriftDetail,
  kDriftTrueDetail,
  kDriftBrightness,
  kDriftTrueBrightness,
  kDriftContrast,
  kDriftTrueContrast,
  kNumDriftSums
};

double brightness_drift(const Sums& s) {
  return (s[kDriftBrightness] - s[kDriftTrueBrightness]) / s[kDriftFrames];
}
double contrast_ratio(const Sums& s) {
  return std::sqrt(ratio(s[kDriftContrast], s[kDriftTrueContrast]));
}
double drift_skill(const Sums& s) { return 1 - ratio(s[kDriftMse], s[kDriftTrivial]); }
double drift_sharpness(const Sums& s) { return ratio(s[kDriftDetail], s[kDriftTrueDetail]); }

double trivial_mse(const EpisodeScores& episode, size_t frame) {
  return std::min(episode.by_predictor.at("copy_last")[frame].mse,
                  episode.by_predictor.at("mean_frame")[frame].mse);
}

Sums sums_of_frame(const EpisodeScores& episode, size_t frame) {
  const auto& score = episode.by_predictor.at("model")[frame];
  return {1,
          score.mse,
          trivial_mse(episode, frame),
          score.detail,
          score.true_detail,
          score.brightness,
          score.true_brightness,
          score.contrast,
          score.true_contrast};
}

/// How many frames of a dream are better than both trivial predictors, or perfect, before the first
/// that is not.
Sums usable_frames(const EpisodeScores& episode) {
  const auto& frames = episode.by_predictor.at("model");
  size_t usable = 0;
  const auto is_usable = [&](size_t frame) {
    return frames[frame].mse < trivial_mse(episode, frame) || frames[frame].mse == 0;
  };
  while (usable < frames.size() && is_usable(usable)) ++usable;
  return {static_cast<double>(usable), static_cast<double>(frames.size()), 1};
}

std::vector<Definition> drift_definitions(int64_t horizon) {
  return {{"drift", c10::str("dreams of up to ", horizon, " frames, ", kClipLengths,
                             " times the clips of training, of the first ", kDriftEpisodes,
                             " episodes, as far as these go")},
          {"usable_horizon",
           "frames of a dream before the first that is no better than the better of copy_last and "
           "mean_frame, mean over episodes; dreamed_frames is the most that it can be"},
          {"brightness", "mean of the dreamed frames less that of the true ones, of 1"},
          {"contrast",
           "standard deviation of the dreamed frames' values over the true ones': 1 "
           "keeps it, less fades, more burns out"},
          {"sharpness", "energy of fine detail over the truth's, see the suite quality"},
          {"skill", "1 - mse / that of the better trivial predictor at each frame"}};
}

SuiteReport run_drift(EvaluationContext& evaluation) {
  const int64_t horizon = kClipLengths * evaluation.held_out().shape.clip_frames;
  SuiteReport report{"drift", {}, {}, drift_definitions(horizon), {}};
  const auto scores =
      evaluation.rollouts(rollout_options(evaluation.config()), kDriftEpisodes, horizon);
  std::vector<std::vector<Sums>> by_horizon;
  std::vector<Sums> usable;
  for (const auto& episode : scores) {
    if (!episode.by_predictor.contains("model")) continue;
    const size_t frames = episode.by_predictor.at("model").size();
    by_horizon.resize(std::max(by_horizon.size(), frames));
    for (size_t frame = 0; frame < frames; ++frame)
      by_horizon[frame].push_back(sums_of_frame(episode, frame));
    usable.push_back(usable_frames(episode));
  }
  if (usable.empty()) {
    report.notes.push_back("no drift: no episode is longer than the context");
    return report;
  }
  auto& bootstrap = evaluation.bootstrap();
  const auto mean_of = [](size_t which) {
    return [which](const Sums& s) { return s[which] / s[2]; };
  };
  report.figures.push_back({"usable_horizon", bootstrap.figure(usable, mean_of(0))});
  report.figures.push_back({"dreamed_frames", bootstrap.figure(usable, mean_of(1))});
  FigureTable table{"drift", "horizon", {}};
  for (size_t frame = 0; frame < by_horizon.size(); ++frame) {
    const auto& sums = by_horizon[frame];
    table.rows.push_back({static_cast<int64_t>(frame + 1),
                          {{"skill", bootstrap.figure(sums, drift_skill)},
                           {"brightness", bootstrap.figure(sums, brightness_drift)},
                           {"contrast", bootstrap.figure(sums, contrast_ratio)},
                           {"sharpness", bootstrap.figure(sums, drift_sharpness)}}});
  }
  report.tables.push_back(std::move(table));
  return report;
}

NF_REGISTER_LONG_SUITE(drift, "what becomes of a dream that goes on for four clips", run_drift, {})

}  // namespace
}  // namespace nextframe
