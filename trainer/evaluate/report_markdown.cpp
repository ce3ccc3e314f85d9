// report.md, and the few lines for a terminal.
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "trainer/evaluate/report_view.h"

namespace nextframe {
namespace {

std::string markdown_figure_table(const std::vector<NamedFigure>& figures) {
  std::string text = "| figure | value | 95 % interval | episodes |\n|---|---|---|---|\n";
  for (const auto& [name, figure] : figures) {
    text += "| " + name + " | " + format_value(figure.value) + " | " + format_interval(figure) +
            " | " + std::to_string(figure.n) + " |\n";
  }
  return text;
}

std::string markdown_cell(const Figure* figure) {
  std::string text = " ";
  if (figure != nullptr) text += format_value(figure->value) + " " + format_interval(*figure) + " ";
  return text;
}

std::string markdown_view_table(const TableView& view, const std::string& key_name) {
  std::string text = "| " + key_name + " |", line = "|---|";
  for (const auto& predictor : view.predictors) {
    text += " " + predictor + " |";
    line += "---|";
  }
  text += "\n" + line + "\n";
  for (const auto& row : view.rows) {
    if (!is_landmark(row.key)) continue;
    text += "| " + std::to_string(row.key) + " |";
    for (const auto* figure : row.figures) text += markdown_cell(figure) + "|";
    text += "\n";
  }
  return text;
}

}  // namespace

std::string to_markdown(const EvaluationReport& report) {
  std::string text = "# Evaluation: " + describe_model(report.provenance) + "\n\n";
  for (const auto& [term, value] : facts_of(report)) text += "- " + term + ": " + value + "\n";
  for (const auto& suite : report.suites) {
    text += "\n## " + suite.name + "\n\n";
    for (const auto& note : suite.notes) text += "Note: " + note + ".\n\n";
    if (!suite.figures.empty()) text += markdown_figure_table(suite.figures);
    for (const auto& table : suite.tables) {
      for (const auto& view : views_of(table)) {
        text += "\n### " + table.name + ": " + view.metric + "\n\n";
        text += markdown_view_table(view, table.key_name);
      }
      if (!table.rows.empty()) text += "\nEvery " + table.key_name + " is in report.json.\n";
    }
    if (!suite.definitions.empty()) text += "\nWhere:\n\n";
    for (const auto& [term, meaning] : suite.definitions) {
      text += "- `" + term + "`: " + meaning + "\n";
    }
  }
  return text;
}

namespace {

constexpr size_t kMostReasons = 3;

/// A line for each note; but where more than a few suites were left out, one line names them all.
std::string notes_text(const EvaluationReport& report) {
  std::string text, reasons;
  std::vector<std::string> left_out;
  for (const auto& suite : report.suites) {
    const bool is_left_out = !suite.notes.empty() && suite.notes[0].starts_with("left out: ");
    if (is_left_out) left_out.push_back(suite.name);
    for (const auto& note : suite.notes)
      (is_left_out ? reasons : text) += "  " + suite.name + ": " + note + "\n";
  }
  if (left_out.size() <= kMostReasons) return text + reasons;
  return text + "  left out: " + c10::Join(", ", left_out) + "; the report says why\n";
}

}  // namespace

std::string to_summary(const EvaluationReport& report) {
  std::string text = describe_model(report.provenance) + "; " + std::to_string(report.episodes) +
                     " held-out episodes";
  if (report.passed_over > 0)
    text += ", " + std::to_string(report.passed_over) + " too short ones passed over";
  text += "\n";
  const auto headlines = headlines_of(report);
  size_t label_width = 0, value_width = 0;
  for (const auto& [label, figure] : headlines) {
    label_width = std::max(label_width, label.size());
    value_width = std::max(value_width, format_value(figure->value).size());
  }
  for (const auto& [label, figure] : headlines) {
    const auto value = format_value(figure->value);
    text += "  " + label + std::string(label_width - label.size() + 2, ' ') + value +
            std::string(value_width - value.size() + 2, ' ') + format_interval(*figure) + "\n";
  }
  return text + notes_text(report);
}

}  // namespace nextframe
