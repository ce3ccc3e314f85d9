// A line plot as inline SVG; the page's style sheet sets its colours.
#pragma once

#include <string>
#include <vector>

namespace nextframe {

struct PlotPoint {
  double x, y;
  double low, high;  // interval of y
};

struct PlotLine {
  std::string name;
  std::vector<PlotPoint> points;
};

/// Plots lines from x = 1 on, the first one with a band for its interval, clipped to [y_min,
/// y_max]. Line i has the CSS classes `line` and `color-i`, the band has `band`.
std::string svg_plot(const std::string& title, const std::string& x_label,
                     const std::vector<PlotLine>& lines, double y_min, double y_max);

/// The distance between ticks, about `span` / 5: 1, 2 or 5 times a power of ten.
double tick_step(double span);

/// Escapes `text` for use between tags and in attributes.
std::string escape_html(const std::string& text);

}  // namespace nextframe
