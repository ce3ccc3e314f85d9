// Puts a report's figures into words and tables, the same way in every written form.
#pragma once

#include <string>
#include <vector>

#include "trainer/evaluate/report.h"

namespace nextframe {

/// One metric as a table: a column for each predictor, a row for each key.
struct TableView {
  std::string metric;                   // "mse"
  std::vector<std::string> predictors;  // "model", then as the table has them
  struct Row {
    int64_t key;
    std::vector<const Figure*> figures;  // one a predictor, null where there is none
  };
  std::vector<Row> rows;
};

/// One view for each metric.
std::vector<TableView> views_of(const FigureTable& table);

/// Whether a row is shown where there is no room for all: 1, 2, 3, 4, 6, 8, 12, 16, 24, ...
bool is_landmark(int64_t key);

/// A figure for the summary.
struct Headline {
  std::string label;
  const Figure* figure;
};
std::vector<Headline> headlines_of(const EvaluationReport& report);

std::string format_value(double value);             // 4 digits
std::string format_interval(const Figure& figure);  // "[low, high]"

/// "step 2000 of runs/demo, averaged (EMA) weights": what was measured.
std::string describe_model(const Provenance& provenance);

/// "the first 64 by index", and how many were too short.
std::string describe_episodes(const EvaluationReport& report);

/// What was measured on, and how: term and value, for the head of a report.
std::vector<Definition> facts_of(const EvaluationReport& report);

}  // namespace nextframe
