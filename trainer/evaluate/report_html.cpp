// report.html: one page that needs nothing beside itself.
#include <algorithm>
#include <cmath>

#include "trainer/evaluate/html_page.h"
#include "trainer/evaluate/report_view.h"
#include "trainer/evaluate/svg_plot.h"

namespace nextframe {
namespace {

std::string definition_list(const std::vector<Definition>& definitions) {
  std::string list;
  for (const auto& [term, text] : definitions) {
    list += element("dt", escape_html(term)) + element("dd", escape_html(text));
  }
  return element("dl", list);
}

std::string cards(const EvaluationReport& report) {
  std::string all;
  for (const auto& [label, figure] : headlines_of(report)) {
    all += element("div class=\"card\"", element("span", escape_html(label)) +
                                             element("b", format_value(figure->value)) +
                                             element("span", format_interval(*figure)));
  }
  return element("div class=\"cards\"", all);
}

/// A cell of a table: the value, its interval small.
std::string html_cell(const Figure* figure) {
  if (figure == nullptr) return "<td></td>";
  return "<td>" + format_value(figure->value) + " <small>" + format_interval(*figure) +
         "</small></td>";
}

std::string html_figure_table(const std::vector<NamedFigure>& figures) {
  std::string rows = "<tr><th>figure</th><th>value and 95 % interval</th><th>episodes</th></tr>";
  for (const auto& [name, figure] : figures) {
    rows += "<tr><td>" + escape_html(name) + "</td>" + html_cell(&figure) + "<td>" +
            std::to_string(figure.n) + "</td></tr>\n";
  }
  return element("div class=\"wide\"", element("table", rows));
}

std::string html_view_table(const TableView& view, const std::string& key_name) {
  std::string rows = "<tr><th>" + escape_html(key_name) + "</th>";
  for (const auto& predictor : view.predictors) rows += "<th>" + escape_html(predictor) + "</th>";
  rows += "</tr>\n";
  for (const auto& row : view.rows) {
    rows += "<tr><td>" + std::to_string(row.key) + "</td>";
    for (const auto* figure : row.figures) rows += html_cell(figure);
    rows += "</tr>\n";
  }
  return element("div class=\"wide\"", element("table", rows));
}

std::string plot(const TableView& view, const std::string& key_name) {
  std::vector<PlotLine> lines;
  double y_max = 0;
  for (size_t i = 0; i < view.predictors.size(); ++i) {
    PlotLine line{view.predictors[i], {}};
    for (const auto& row : view.rows) {
      const auto* figure = row.figures[i];
      if (figure == nullptr || !std::isfinite(figure->value)) continue;
      line.points.push_back(
          {static_cast<double>(row.key), figure->value, figure->low, figure->high});
      y_max = std::max(y_max, figure->value);
    }
    lines.push_back(std::move(line));
  }
  const bool is_skill = view.metric == "skill";
  if (y_max <= 0) y_max = 1;
  const auto svg = svg_plot(view.metric + " by " + key_name, key_name, lines, is_skill ? -0.5 : 0.0,
                            is_skill ? 1.0 : 1.05 * y_max);
  std::string legend;
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto swatch = "<svg viewBox=\"0 0 22 8\"><line class=\"line color-" + std::to_string(i) +
                        "\" x1=\"0\" y1=\"4\" x2=\"22\" y2=\"4\"/></svg> ";
    legend += element("span class=\"key\"", swatch + escape_html(lines[i].name));
  }
  return element("div class=\"plot\"", svg + element("div", legend));
}

std::string table_section(const FigureTable& table) {
  if (table.rows.empty()) return "";
  std::string plots, tables;
  for (const auto& view : views_of(table)) {
    const bool is_plotted =
        view.metric == "skill" || view.metric == "mse" || view.metric == "position_error_px";
    if (is_plotted) plots += plot(view, table.key_name);
    tables +=
        "<details>" +
        element("summary", escape_html(table.name + ": " + view.metric + " by " + table.key_name)) +
        html_view_table(view, table.key_name) + "</details>\n";
  }
  return element("h3", escape_html(table.name)) + element("div class=\"plots\"", plots) + tables;
}

std::string suite_section(const SuiteReport& suite) {
  std::string html = element("h2", escape_html(suite.name));
  for (const auto& note : suite.notes) html += element("p", "Note: " + escape_html(note) + ".");
  if (!suite.figures.empty()) html += html_figure_table(suite.figures);
  for (const auto& table : suite.tables) html += table_section(table);
  if (suite.definitions.empty()) return html;
  return html + element("h3", "Where") + definition_list(suite.definitions);
}

}  // namespace

std::string to_html(const EvaluationReport& report, const std::string& picture_png,
                    const std::string& animation_webp) {
  std::string body = element("h1", "What this world model learned");
  body += element("div class=\"soft\"", escape_html(describe_model(report.provenance)));
  body += cards(report);
  const std::string marks =
      "Truth above, dream below. Amber: frames the model was given; blue: "
      "frames it dreamed.";
  body += html_picture("webp", animation_webp, marks) + html_picture("png", picture_png, marks);
  for (const auto& suite : report.suites) body += suite_section(suite);
  body += element("h2", "Measured on") + definition_list(facts_of(report));
  return html_page("nextframe evaluation", body);
}

}  // namespace nextframe
