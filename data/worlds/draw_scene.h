// Draws a scene: anti-aliased discs and boxes, who is seen in each pixel, and how much of each
// object is seen.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/worlds/scene.h"

namespace nextframe {

inline constexpr int64_t kSceneFramePx = 64;  // frames are square

/// Values of `object_mask`: 0 is the background, 1 + k object k, and this plus its place among the
/// scenery what is no object.
inline constexpr uint8_t kSceneryId = 128;

/// The part of the pixel with this centre that a thing covers, 0 to 1: 1/2 at its edge, and linear
/// over one pixel across it. Exact for a box that is not rotated and at least a pixel wide.
double coverage(const Thing& thing, Vector pixel);

/// Draws into `frame_HWC` (uint8 RGB) and, unless it is empty, into `mask_HW` the identity of what
/// covers at least half of a pixel and lies on top.
void draw_scene(const Scene& scene, std::span<uint8_t> frame_HWC, std::span<uint8_t> mask_HW);

/// The share of each object's area that is neither hidden by what is drawn over it nor outside of
/// the frame, 0 to 1; 0 for what is not drawn. [K]
std::vector<float> visible_shares(const Scene& scene);

}  // namespace nextframe
