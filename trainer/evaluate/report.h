// The results of an evaluation, and their written forms: JSON, Markdown and HTML.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/evaluate/figure.h"

namespace nextframe {

struct Dream;

struct NamedFigure {
  std::string name;  // dots nest: "one_step.mse"
  Figure figure;
};

struct FigureRow {
  int64_t key;
  std::vector<NamedFigure> figures;
};

/// Figures along one axis, for example by horizon.
struct FigureTable {
  std::string name;  // dots nest, as in NamedFigure
  std::string key_name;
  std::vector<FigureRow> rows;
};

struct Definition {
  std::string term;
  std::string text;  // one sentence
};

struct SuiteReport {
  std::string name;
  std::vector<NamedFigure> figures;
  std::vector<FigureTable> tables;
  std::vector<Definition> definitions;  // printed beside the figures
  std::vector<std::string> notes;       // what could not be measured, and why
};

/// Which weights were evaluated, and on what data. Reports omit empty fields.
struct Provenance {
  std::string run_folder;         // "" for a checkpoint that stands alone
  std::string checkpoint_folder;  // "" while training, whose weights may never be saved
  int64_t step = 0;
  std::string digest;  // of the checkpoint
  bool is_ema = false;
  std::string data;              // glob
  std::string predictions = {};  // the file of another program's, in place of a model's
};

struct EvaluationReport {
  Provenance provenance;  // filled by who loaded the model
  std::string data_fingerprint;
  int64_t episodes = 0;
  int64_t passed_over = 0;  // episodes that have no frame to score
  int64_t clip_frames = 0;
  int64_t context_frames = 0;
  int64_t horizon_frames = 0;
  int64_t denoise_steps = 0;
  std::string mean_frame_source;  // "training data" or "evaluated data"
  std::vector<SuiteReport> suites;
};

/// Finds a figure by name, "one_step.mse", or in a table, "rollout.8.skill" (table, key,
/// name). Null if the suite did not measure it.
const Figure* find_figure(const EvaluationReport& report, const std::string& suite,
                          const std::string& name);

std::string to_json(const EvaluationReport& report);
std::string to_markdown(const EvaluationReport& report);

/// One page without external resources. `picture_png` and `animation_webp` are the bytes of
/// images to embed; empty for none.
std::string to_html(const EvaluationReport& report, const std::string& picture_png,
                    const std::string& animation_webp);

/// The most important figures, a line each, for a terminal.
std::string to_summary(const EvaluationReport& report);

/// Writes report.json, report.md and report.html to `folder`, which is made if needed. Each file is
/// replaced atomically. The page shows `dreams`.
void write_report(const std::string& folder, const EvaluationReport& report,
                  const std::vector<Dream>& dreams);

}  // namespace nextframe
