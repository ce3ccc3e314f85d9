#include "trainer/evaluate/svg_plot.h"

#include <algorithm>
#include <cmath>

#include "launch/text.h"
#include "trainer/evaluate/report_view.h"

namespace nextframe {
namespace {

constexpr double kWidth = 520, kHeight = 300;
constexpr double kLeft = 56, kRight = 12, kTop = 30, kBottom = 40;

std::string svg_number(double value) { return format("%.1f", value); }

/// From the data's numbers to the drawing's.
struct Scale {
  double x_max, y_min, y_max;

  double x(double value) const {
    return kLeft + (kWidth - kLeft - kRight) * (value - 1) / std::max(1.0, x_max - 1);
  }
  double y(double value) const {
    const double inside = std::clamp(value, y_min - (y_max - y_min), y_max + (y_max - y_min));
    return kTop + (kHeight - kTop - kBottom) * (y_max - inside) / (y_max - y_min);
  }
  std::string at(double px, double py) const { return svg_number(x(px)) + "," + svg_number(y(py)); }
};

std::string text_at(double x, double y, const std::string& anchor, const std::string& text) {
  return "<text x=\"" + svg_number(x) + "\" y=\"" + svg_number(y) + "\" text-anchor=\"" + anchor +
         "\">" + escape_html(text) + "</text>";
}

std::string rule(const char* kind, double x1, double y1, double x2, double y2) {
  return std::string("<line class=\"") + kind + "\" x1=\"" + svg_number(x1) + "\" y1=\"" +
         svg_number(y1) + "\" x2=\"" + svg_number(x2) + "\" y2=\"" + svg_number(y2) + "\"/>";
}

std::string axes(const Scale& scale, const std::string& x_label) {
  std::string svg;
  const double y_step = tick_step(scale.y_max - scale.y_min);
  for (double tick = std::ceil(scale.y_min / y_step); tick * y_step <= scale.y_max + 1e-12;
       ++tick) {
    const double value = tick * y_step, y = scale.y(value);
    svg += rule(tick == 0 ? "zero" : "grid", kLeft, y, kWidth - kRight, y);
    svg += text_at(kLeft - 6, y + 4, "end", format_value(value));
  }
  const double x_step = std::max(1.0, tick_step(scale.x_max));
  for (double value = x_step; value <= scale.x_max; value += x_step) {
    svg += text_at(scale.x(value), kHeight - kBottom + 16, "middle", format_value(value));
  }
  return svg + text_at((kLeft + kWidth - kRight) / 2, kHeight - 6, "middle", x_label);
}

/// There along the upper ends of the intervals, back along the lower ones.
std::string band(const Scale& scale, const PlotLine& line) {
  std::string corners;
  for (const auto& point : line.points) corners += scale.at(point.x, point.high) + " ";
  for (auto point = line.points.rbegin(); point != line.points.rend(); ++point) {
    corners += scale.at(point->x, point->low) + " ";
  }
  return "<polygon class=\"band\" points=\"" + corners + "\"/>";
}

std::string curve(const Scale& scale, const PlotLine& line, size_t index) {
  std::string points;
  for (const auto& point : line.points) points += scale.at(point.x, point.y) + " ";
  return "<polyline class=\"line color-" + std::to_string(index) + "\" points=\"" + points + "\"/>";
}

}  // namespace

double tick_step(double span) {
  const double power = std::pow(10.0, std::floor(std::log10(span / 5)));
  for (const double digit : {1.0, 2.0, 5.0}) {
    if (digit * power >= span / 5) return digit * power;
  }
  return 10 * power;
}

std::string escape_html(const std::string& text) {
  std::string safe;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += letter;
    }
  }
  return safe;
}

std::string svg_plot(const std::string& title, const std::string& x_label,
                     const std::vector<PlotLine>& lines, double y_min, double y_max) {
  Scale scale{2, y_min, y_max};
  for (const auto& line : lines) {
    for (const auto& point : line.points) scale.x_max = std::max(scale.x_max, point.x);
  }
  const auto size = svg_number(kWidth) + " " + svg_number(kHeight);
  auto clip = "clip-" + title;  // names the clipping rectangle; a name has no spaces
  std::replace(clip.begin(), clip.end(), ' ', '-');
  std::string svg = "<svg viewBox=\"0 0 " + size + "\" role=\"img\"><title>" + escape_html(title) +
                    "</title><clipPath id=\"" + escape_html(clip) + "\"><rect x=\"" +
                    svg_number(kLeft) + "\" y=\"" + svg_number(kTop) + "\" width=\"" +
                    svg_number(kWidth - kLeft - kRight) + "\" height=\"" +
                    svg_number(kHeight - kTop - kBottom) + "\"/></clipPath>";
  svg += axes(scale, x_label) + text_at(kLeft, 16, "start", title);
  svg += "<g clip-path=\"url(#" + escape_html(clip) + ")\">";
  if (!lines.empty()) svg += band(scale, lines[0]);
  for (size_t i = lines.size(); i-- > 0;) svg += curve(scale, lines[i], i);  // the first on top
  return svg + "</g></svg>";
}

}  // namespace nextframe
