// The written forms of a comparison.
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "trainer/evaluate/comparison.h"
#include "trainer/evaluate/html_page.h"
#include "trainer/evaluate/report_view.h"
#include "trainer/evaluate/svg_plot.h"

namespace nextframe {
namespace {

/// "A", "B", ..., as columns are called; beyond Z their number.
std::string letter(size_t run) {
  return run < 26 ? std::string(1, static_cast<char>('A' + run)) : std::to_string(run + 1);
}

std::string padded(const std::string& text, size_t width) {
  return text.size() >= width ? text + " " : text + std::string(width - text.size() + 1, ' ');
}

/// "+0.0012 [-0.0003, +0.0028]"
std::string signed_interval(const Figure& figure) {
  const auto number = [](double value) {
    return c10::str(value > 0 ? "+" : "", format_value(value));
  };
  return number(figure.value) + " [" + number(figure.low) + ", " + number(figure.high) + "]";
}

std::string describe_episodes(const Comparison& comparison) {
  return c10::str(comparison.episodes, " episodes of ", comparison.data, ", dreams from ",
                  comparison.context_frames,
                  " frames; intervals of 95 % are of differences episode "
                  "by episode");
}

std::string config_value(const std::string& value) { return value.empty() ? "-" : value; }

std::string plot_of(const Comparison& comparison, const std::string& metric) {
  std::vector<PlotLine> lines;
  double y_max = 0;
  for (size_t run = 0; run < comparison.runs.size(); ++run) {
    PlotLine line{letter(run), {}};
    for (const auto& figure : comparison.runs[run].figures) {
      if (!figure.name.starts_with("rollout.") || !figure.name.ends_with("." + metric)) continue;
      const double horizon = std::stod(figure.name.substr(8));
      line.points.push_back({horizon, figure.value.value, figure.value.low, figure.value.high});
      y_max = std::max(y_max, figure.value.value);
    }
    lines.push_back(std::move(line));
  }
  if (y_max <= 0) return "";
  std::string legend;
  for (size_t run = 0; run < lines.size(); ++run) {
    legend +=
        element("span class=\"key\"",
                c10::str("<svg viewBox=\"0 0 22 8\"><line class=\"line color-", run % 5,
                         "\" x1=\"0\" y1=\"4\" x2=\"22\" y2=\"4\"/></svg> ", lines[run].name));
  }
  return element("div class=\"plot\"",
                 svg_plot(metric + " of dreams by horizon", "horizon", lines, 0, 1.05 * y_max) +
                     element("div", legend));
}

std::string table(const std::string& rows) {
  return element("div class=\"wide\"", element("table", rows));
}

}  // namespace

std::string to_text(const Comparison& comparison) {
  std::string text;
  for (size_t run = 0; run < comparison.runs.size(); ++run)
    text +=
        letter(run) + "  " + comparison.runs[run].name + ": " + comparison.runs[run].model + "\n";
  text += describe_episodes(comparison) + "\n\n";
  size_t key_width = 24;
  for (const auto& row : comparison.config) key_width = std::max(key_width, row.key.size());
  for (const auto& row : comparison.config) {
    text += padded(row.key, key_width);
    for (size_t run = 0; run < row.values.size(); ++run)
      text += c10::str(run > 0 ? " | " : " ", config_value(row.values[run]));
    text += "\n";
  }
  if (comparison.config.empty()) text += "the configs are equal\n";
  for (size_t run = 1; run < comparison.runs.size(); ++run) {
    const auto name = letter(run);
    text += c10::str("\n", padded("figure", 24), padded("A", 10), padded(name, 10),
                     padded(name + " - A", 32), name, " is\n");
    for (const auto& figure : comparison.runs[run].figures) {
      const bool is_of_rollout = figure.name.starts_with("rollout.");
      if (is_of_rollout && !figure.name.ends_with(".psnr_db")) continue;  // a screen of figures
      const auto& first = comparison.runs[0].figures;
      const auto found = std::find_if(first.begin(), first.end(),
                                      [&](const auto& other) { return other.name == figure.name; });
      text += padded(figure.name, 24) +
              padded(found == first.end() ? "" : format_value(found->value.value), 10) +
              padded(format_value(figure.value.value), 10) +
              padded(signed_interval(figure.difference), 32) + figure.verdict() + "\n";
    }
  }
  return text;
}

std::string to_html(const Comparison& comparison) {
  std::string body = element("h1", "Models compared");
  for (size_t run = 0; run < comparison.runs.size(); ++run) {
    body += element("div class=\"soft\"",
                    letter(run) + ": " +
                        escape_html(comparison.runs[run].name + ", " + comparison.runs[run].model));
  }
  body += element("p", escape_html(describe_episodes(comparison)));
  body +=
      element("div class=\"plots\"", plot_of(comparison, "psnr_db") + plot_of(comparison, "mse"));
  for (size_t run = 1; run < comparison.runs.size(); ++run) {
    std::string rows = "<tr><th>figure</th><th>" + letter(run) + "</th><th>" + letter(run) +
                       " - A</th><th>" + letter(run) + " is</th></tr>\n";
    for (const auto& figure : comparison.runs[run].figures) {
      rows += element("tr", element("td", escape_html(figure.name)) +
                                element("td", format_value(figure.value.value)) +
                                element("td", escape_html(signed_interval(figure.difference))) +
                                element("td", figure.verdict()));
    }
    body += element("h2", letter(run) + " beside A") + table(rows);
  }
  std::string rows = "<tr><th>field</th>";
  for (size_t run = 0; run < comparison.runs.size(); ++run) rows += element("th", letter(run));
  for (const auto& row : comparison.config) {
    rows += "</tr><tr>" + element("td", escape_html(row.key));
    for (const auto& value : row.values) rows += element("td", escape_html(config_value(value)));
  }
  body += element("h2", "What differs in their configs") +
          (comparison.config.empty() ? element("p", "Nothing.") : table(rows + "</tr>"));
  for (size_t run = 0; run < comparison.runs.size(); ++run)
    body += html_picture("png", comparison.runs[run].picture_png,
                         letter(run) + ". Truth above, dream below.");
  return html_page("nextframe comparison", body);
}

std::string to_json(const Comparison& comparison) {
  nlohmann::ordered_json json{{"data", comparison.data},
                              {"episodes", comparison.episodes},
                              {"context_frames", comparison.context_frames}};
  const auto interval = [](const Figure& figure) {
    return nlohmann::ordered_json{
        {"value", figure.value}, {"low", figure.low}, {"high", figure.high}, {"n", figure.n}};
  };
  for (const auto& run : comparison.runs) {
    nlohmann::ordered_json figures;
    for (const auto& figure : run.figures) {
      figures[figure.name] = {{"value", interval(figure.value)},
                              {"difference", interval(figure.difference)},
                              {"verdict", figure.verdict()}};
    }
    json["runs"].push_back({{"name", run.name}, {"model", run.model}, {"figures", figures}});
  }
  json["config"] = nlohmann::ordered_json::object();
  for (const auto& row : comparison.config) json["config"][row.key] = row.values;
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace nextframe
