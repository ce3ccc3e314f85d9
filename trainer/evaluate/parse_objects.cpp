#include "trainer/evaluate/parse_objects.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace nextframe {
namespace {

// How far from the line of an object's mixtures a pixel may lie: a little, and more the more it
// shows of the object. Grey scenery passes close by the dark end of every line.
constexpr double kFarthest = 0.05, kFarthestOfLength = 0.15;
constexpr double kLeastShare = 0.25;  // of the object's colour
constexpr double kWhole = 0.75;       // such a share shows the object's own colour
constexpr double kLeastArea = 2;      // px

double product(const UnitColour& a, const UnitColour& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

UnitColour difference(const UnitColour& a, const UnitColour& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}

/// How a pixel can be a mixture of the background and one object.
struct Mixture {
  double share = 0, off = 0;  // of the object; distance from the line
};

Mixture mixture_of(const UnitColour& from_background, const UnitColour& axis) {
  const double square = product(axis, axis);
  if (square == 0) return {0, 1};
  const double share = product(from_background, axis) / square;
  const double rest = product(from_background, from_background) - share * share * square;
  return {share, std::sqrt(std::max(rest, 0.0))};
}

/// What an object's pixels add up to.
struct Sum {
  double share = 0, x = 0, y = 0, whole = 0, any = 0;
  UnitColour whole_colour{}, any_colour{};

  void add(const UnitColour& pixel, double part, double column, double row) {
    const double weight = std::min(part, 1.0);
    share += weight;
    x += weight * (column + 0.5);
    y += weight * (row + 0.5);
    const bool is_whole = part >= kWhole;
    (is_whole ? whole : any) += 1;
    for (size_t c = 0; c < 3; ++c) (is_whole ? whole_colour : any_colour).at(c) += pixel.at(c);
  }

  Sighting sighting() const {
    if (share < kLeastArea) return {};
    Sighting seen{share, x / share, y / share, whole > 0 ? whole_colour : any_colour};
    for (auto& value : seen.colour) value /= whole > 0 ? whole : any;
    return seen;
  }
};

}  // namespace

double distance(const UnitColour& a, const UnitColour& b) {
  const auto d = difference(a, b);
  return std::sqrt(product(d, d));
}

UnitColour background_of(const at::Tensor& frame_HWC) {
  const auto median_C = std::get<0>(frame_HWC.flatten(0, 1).median(0)).to(at::kDouble);
  const auto* value = median_C.const_data_ptr<double>();
  return {value[0], value[1], value[2]};
}

std::vector<Sighting> parse_objects(const at::Tensor& frame_HWC,
                                    const std::vector<UnitColour>& colours,
                                    const UnitColour& background) {
  const at::Tensor frame = frame_HWC.contiguous();
  const auto* value = frame.const_data_ptr<float>();
  std::vector<UnitColour> axes;
  for (const auto& colour : colours) axes.push_back(difference(colour, background));
  std::vector<Sum> sums(colours.size());
  for (int64_t row = 0; row < frame.size(0); ++row) {
    for (int64_t column = 0; column < frame.size(1); ++column, value += 3) {
      const UnitColour pixel{value[0], value[1], value[2]};
      const auto from_background = difference(pixel, background);
      size_t nearest = colours.size();
      Mixture best{0, 1};
      for (size_t k = 0; k < axes.size(); ++k) {
        const auto mixture = mixture_of(from_background, axes[k]);
        if (mixture.share <= kLeastShare || mixture.off >= best.off) continue;
        const double along = mixture.share * std::sqrt(product(axes[k], axes[k]));
        if (mixture.off > kFarthest + kFarthestOfLength * along) continue;
        best = mixture;
        nearest = k;
      }
      if (nearest == colours.size()) continue;
      sums[nearest].add(pixel, best.share, static_cast<double>(column), static_cast<double>(row));
    }
  }
  std::vector<Sighting> found;
  for (const auto& sum : sums) found.push_back(sum.sighting());
  return found;
}

}  // namespace nextframe
