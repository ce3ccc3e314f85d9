// report.html: one page that needs nothing beside itself.
#include <algorithm>
#include <cmath>

#include "trainer/evaluate/report_view.h"
#include "trainer/evaluate/svg_plot.h"

namespace nextframe {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --back: #fafafa; --card: #fff; --ink: #1c1c22; --soft: #6a6a75;
  --edge: #e2e2e8; --c0: #2563eb; --c1: #dc7a1e; --c2: #16924f; --c3: #9b4fd0; --c4: #0e9aa7; }
@media (prefers-color-scheme: dark) { :root { --back: #151519; --card: #1e1e24; --ink: #e9e9ee;
  --soft: #9a9aa6; --edge: #33333c; --c0: #6ea0ff; --c1: #f0a050; --c2: #55c98a; --c3: #c88cf0;
  --c4: #4fd0dc; } }
body { margin: 0 auto; max-width: 1120px; padding: 24px; background: var(--back);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0; } h2 { margin: 36px 0 12px; } h3 { margin: 24px 0 8px; }
.soft, dt { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 12px;
  margin: 24px 0; }
.card, .plot, .picture, details { background: var(--card); border: 1px solid var(--edge);
  border-radius: 8px; padding: 12px 14px; }
.card b { display: block; font-size: 24px; } .card span { font-size: 13px; color: var(--soft); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 12px; }
.picture { overflow-x: auto; margin: 12px 0; } .picture img { image-rendering: pixelated; }
.wide { overflow-x: auto; }
details { margin: 12px 0; } summary { cursor: pointer; font-weight: 600; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 4px 12px; text-align: right; border-bottom: 1px solid var(--edge);
  white-space: nowrap; } th:first-child, td:first-child { text-align: left; }
td small { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; }
dd { margin: 0; overflow-wrap: anywhere; }
svg text { fill: var(--soft); font-size: 12px; } .grid { stroke: var(--edge); }
.zero { stroke: var(--soft); } .line { fill: none; stroke-width: 1.6; }
.line.color-0 { stroke-width: 2.6; } .band { fill: var(--c0); opacity: .18; }
.color-0 { stroke: var(--c0); } .color-1 { stroke: var(--c1); } .color-2 { stroke: var(--c2); }
.color-3 { stroke: var(--c3); } .color-4 { stroke: var(--c4); }
.key { display: inline-block; margin-right: 16px; font-size: 13px; } .key svg { width: 22px; height: 8px; }
)";

std::string element(const std::string& tag, const std::string& inside) {
  return "<" + tag + ">" + inside + "</" + tag.substr(0, tag.find(' ')) + ">\n";
}

std::string base64(const std::string& bytes) {
  constexpr const char* kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = i; j < i + 3; ++j) {
      bits = bits << 8 | (j < bytes.size() ? static_cast<uint8_t>(bytes[j]) : 0u);
    }
    for (size_t j = 0; j < 4; ++j) {
      const bool is_padding = i + j > bytes.size();
      text += is_padding ? '=' : kLetters[bits >> (18 - 6 * j) & 63];
    }
  }
  return text;
}

std::string picture(const std::string& kind, const std::string& bytes, const std::string& caption) {
  if (bytes.empty()) return "";
  return "<div class=\"picture\"><img alt=\"" + caption + "\" src=\"data:image/" + kind +
         ";base64," + base64(bytes) + "\"><div class=\"soft\">" + caption + "</div></div>\n";
}

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
  body += picture("webp", animation_webp, marks) + picture("png", picture_png, marks);
  for (const auto& suite : report.suites) body += suite_section(suite);
  body += element("h2", "Measured on") + definition_list(facts_of(report));
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<title>nextframe evaluation</title>\n<style>" +
         std::string(kStyle) + "</style></head>\n<body>\n" + body + "</body></html>\n";
}

}  // namespace nextframe
