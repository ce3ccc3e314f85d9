#include "data/worlds/world_draws.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace nextframe {
namespace {

constexpr std::array<Rgb, 6> kPalette{{{232, 72, 72},
                                       {72, 208, 104},
                                       {240, 216, 88},
                                       {72, 136, 240},
                                       {216, 96, 224},
                                       {80, 216, 224}}};

}  // namespace

bool is_held_back(const std::vector<WorldParameter>& list, const std::vector<double>& values) {
  if (list.size() < 2) return false;
  const auto third_of = [&](size_t i) {
    const auto& inside = list[i].inside;
    const double place = 3 * (values[i] - inside.low) / (inside.high - inside.low);
    return place < 1 ? 0 : place < 2 ? 1 : 2;
  };
  return third_of(0) == third_of(1) && third_of(0) != 1;
}

Parameters::Parameters(const std::vector<WorldParameter>& list, WorldRange range,
                       EpisodeDraws& draws)
    : list_(list), values_(list.size()) {
  const auto draw = [&](size_t i) {
    const auto& parameter = list[i];
    Interval interval = parameter.inside;
    if (range == WorldRange::outside) {
      const auto last = static_cast<int64_t>(parameter.outside.size()) - 1;
      interval = parameter.outside.at(static_cast<size_t>(draws.integer(0, last)));
    }
    values_[i] = draw_in(draws, interval.low, interval.high);
  };
  for (size_t i = 0; i < list.size(); ++i) draw(i);
  if (range == WorldRange::outside || list.size() < 2) return;
  while (is_held_back(list, values_) != (range == WorldRange::combination)) {
    draw(0);
    draw(1);
  }
}

double Parameters::operator[](std::string_view name) const {
  for (size_t i = 0; i < list_.size(); ++i) {
    if (list_[i].name == name) return values_[i];
  }
  throw std::logic_error("the world has no parameter " + std::string(name));
}

std::vector<Rgb> draw_colours(EpisodeDraws& draws, size_t count) {
  std::vector<Rgb> colours(kPalette.begin(), kPalette.end());
  for (size_t i = 0; i < count; ++i) {
    const auto last = static_cast<int64_t>(colours.size()) - 1;
    std::swap(colours[i],
              colours[static_cast<size_t>(draws.integer(static_cast<int64_t>(i), last))]);
  }
  colours.resize(count);
  return colours;
}

double draw_in(EpisodeDraws& draws, double low, double high) {
  return low + draws.next() * (high - low);
}

Vector draw_direction(EpisodeDraws& draws) {
  Vector direction;
  do {
    direction = {draw_in(draws, -1, 1), draw_in(draws, -1, 1)};
  } while (dot(direction, direction) > 1 || dot(direction, direction) < 0.01);
  return 1 / length(direction) * direction;
}

Vector draw_position(EpisodeDraws& draws, double radius) {
  const double x = draw_in(draws, radius, 64 - radius);
  return {x, draw_in(draws, radius, 64 - radius)};
}

}  // namespace nextframe
