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

/// Lines from x = 1 on. The first line gets a band of its interval. What lies below `y_min` or
/// above `y_max` is cut off. Line i has the classes `line` and `color-i`; the band `band`.
std::string svg_plot(const std::string& title, const std::string& x_label,
                     const std::vector<PlotLine>& lines, double y_min, double y_max);

/// A round number of about `span` / 5, to put ticks at: 1, 2 or 5 times a power of ten.
double tick_step(double span);

/// `text` safe between tags and in attributes.
std::string escape_html(const std::string& text);

}  // namespace nextframe
