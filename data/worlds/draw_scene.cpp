#include "data/worlds/draw_scene.h"

#include <algorithm>

namespace nextframe {
namespace {

/// Pixels, rows and columns, whose centres a thing can reach; not cut at the frame's edges.
struct PixelBox {
  int64_t left = 0, right = 0, top = 0, bottom = 0;  // without `right` and `bottom`

  bool meets(const PixelBox& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  PixelBox inside(int64_t size) const {
    return {std::max<int64_t>(left, 0), std::min(right, size), std::max<int64_t>(top, 0),
            std::min(bottom, size)};
  }
};

PixelBox box_of(const Thing& thing, Vector camera) {
  const double c = std::abs(thing.direction.x), s = std::abs(thing.direction.y);
  const Vector reach{c * thing.half_size.x + s * thing.half_size.y + 1,
                     s * thing.half_size.x + c * thing.half_size.y + 1};
  const Vector centre = thing.position - camera;
  // Far outside is as good as just outside, and is a number that an integer can hold.
  const auto whole = [](double value) {
    return static_cast<int64_t>(std::floor(std::clamp(value, -1e6, 1e6)));
  };
  return {whole(centre.x - reach.x), whole(centre.x + reach.x) + 1, whole(centre.y - reach.y),
          whole(centre.y + reach.y) + 1};
}

Vector centre_of(int64_t column, int64_t row, Vector camera) {
  return camera + Vector{static_cast<double>(column) + 0.5, static_cast<double>(row) + 0.5};
}

/// What is drawn, from the back to the front.
std::vector<const Thing*> drawn_things(const Scene& scene) {
  std::vector<const Thing*> drawn;
  for (const auto& thing : scene.things) {
    if (thing.is_present && thing.is_drawn) drawn.push_back(&thing);
  }
  std::stable_sort(drawn.begin(), drawn.end(),
                   [](const Thing* a, const Thing* b) { return a->layer < b->layer; });
  return drawn;
}

uint8_t identity_of(const Scene& scene, const Thing& thing) {
  const auto place = static_cast<size_t>(&thing - scene.things.data());
  return static_cast<uint8_t>(place < scene.num_objects ? 1 + place
                                                        : kSceneryId + place - scene.num_objects);
}

void blend(uint8_t* pixel, const Rgb& colour, double share) {
  for (size_t c = 0; c < 3; ++c) {
    const double value = pixel[c] + share * (colour[c] - pixel[c]);
    pixel[c] = static_cast<uint8_t>(value + 0.5);
  }
}

void draw_thing(const Scene& scene, const Thing& thing, std::span<uint8_t> frame_HWC,
                std::span<uint8_t> mask_HW) {
  const PixelBox pixels = box_of(thing, scene.camera).inside(kSceneFramePx);
  const uint8_t identity = identity_of(scene, thing);
  for (int64_t row = pixels.top; row < pixels.bottom; ++row) {
    for (int64_t column = pixels.left; column < pixels.right; ++column) {
      const double share = coverage(thing, centre_of(column, row, scene.camera));
      if (share == 0) continue;
      const auto place = static_cast<size_t>(row * kSceneFramePx + column);
      blend(&frame_HWC[3 * place], thing.colour, share);
      if (!mask_HW.empty() && share >= 0.5) mask_HW[place] = identity;
    }
  }
}

/// Of `thing`, seen through `over`, what is drawn over it and may reach it.
double visible_share(const Thing& thing, const std::vector<const Thing*>& over, Vector camera) {
  const PixelBox pixels = box_of(thing, camera);
  const PixelBox frame = pixels.inside(kSceneFramePx);
  double seen = 0, all = 0;
  for (int64_t row = pixels.top; row < pixels.bottom; ++row) {
    for (int64_t column = pixels.left; column < pixels.right; ++column) {
      const Vector centre = centre_of(column, row, camera);
      double share = coverage(thing, centre);
      all += share;
      const bool is_in_frame =
          column >= frame.left && column < frame.right && row >= frame.top && row < frame.bottom;
      if (share == 0 || !is_in_frame) continue;
      for (const Thing* other : over) share *= 1 - coverage(*other, centre);
      seen += share;
    }
  }
  return all > 0 ? seen / all : 0;
}

}  // namespace

double coverage(const Thing& thing, Vector pixel) {
  const Vector from = pixel - thing.position;
  if (thing.shape == Thing::Shape::disc) {
    return std::clamp(thing.radius() + 0.5 - length(from), 0.0, 1.0);
  }
  const Vector& along = thing.direction;
  const double u = std::abs(from.x * along.x + from.y * along.y);
  const double v = std::abs(from.y * along.x - from.x * along.y);
  return std::clamp(thing.half_size.x + 0.5 - u, 0.0, 1.0) *
         std::clamp(thing.half_size.y + 0.5 - v, 0.0, 1.0);
}

void draw_scene(const Scene& scene, std::span<uint8_t> frame_HWC, std::span<uint8_t> mask_HW) {
  for (size_t i = 0; i < frame_HWC.size(); ++i) frame_HWC[i] = scene.background[i % 3];
  std::fill(mask_HW.begin(), mask_HW.end(), uint8_t{0});
  for (const Thing* thing : drawn_things(scene)) draw_thing(scene, *thing, frame_HWC, mask_HW);
}

std::vector<float> visible_shares(const Scene& scene) {
  const auto drawn = drawn_things(scene);
  std::vector<float> shares(scene.num_objects, 0.0F);
  for (size_t i = 0; i < drawn.size(); ++i) {
    const auto k = static_cast<size_t>(drawn[i] - scene.things.data());
    if (k >= scene.num_objects) continue;
    const PixelBox own = box_of(*drawn[i], scene.camera);
    std::vector<const Thing*> over;
    for (size_t j = i + 1; j < drawn.size(); ++j) {
      if (own.meets(box_of(*drawn[j], scene.camera))) over.push_back(drawn[j]);
    }
    shares[k] = static_cast<float>(visible_share(*drawn[i], over, scene.camera));
  }
  return shares;
}

}  // namespace nextframe
