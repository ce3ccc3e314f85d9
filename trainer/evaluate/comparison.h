// Compares models on the same held-out episodes, episode by episode.
#pragma once

#include <string>
#include <vector>

#include "trainer/evaluate/evaluate.h"

namespace nextframe {

/// One metric of one model, beside that of the first model.
struct ComparedFigure {
  std::string name;   // "one_step.mse", "rollout.8.psnr_db"
  Figure value;       // of this model
  Figure difference;  // this one's less the first one's, paired: both are of the same episodes
  bool more_is_better = true;

  /// "better" or "worse" where the interval of the difference leaves 0 out, else "no difference".
  std::string verdict() const;
};

/// Scores of one model, as a comparison needs them.
struct ModelScores {
  std::vector<EpisodeScores> one_step, rollouts;
};

/// The horizons that are compared: 1, 2, 4, 8, ... up to `horizon_frames`.
std::vector<int64_t> compared_horizons(int64_t horizon_frames);

/// Every metric of `other` beside that of `first`. Both are scores of the same episodes.
std::vector<ComparedFigure> compare_scores(const ModelScores& first, const ModelScores& other,
                                           int64_t horizon_frames);

/// What a comparison prints, as text for a terminal and as one page.
struct ComparedRun {
  std::string name;
  std::string model;  // what was measured, see describe_model()
  std::vector<ComparedFigure> figures;
  std::string picture_png;  // its dreams; may be empty
};

struct Comparison {
  std::vector<ComparedRun> runs;  // the first one is what the others are compared with
  struct ConfigRow {
    std::string key;
    std::vector<std::string> values;  // one a run
  };
  std::vector<ConfigRow> config;  // fields that differ
  std::string data;               // glob
  int64_t episodes = 0, context_frames = 0;
};

std::string to_text(const Comparison& comparison);
std::string to_html(const Comparison& comparison);
std::string to_json(const Comparison& comparison);

}  // namespace nextframe
