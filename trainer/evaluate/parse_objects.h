// Finds objects of known colours in a frame: where they are, how large, and of which colour they
// are shown. The way of PhyWorld (Kang et al. 2025), which thresholds colours and takes centroids,
// but with anti-aliased edges counted in part.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

namespace nextframe {

using UnitColour = std::array<double, 3>;  // RGB in [0, 1]

/// An object as a frame shows it.
struct Sighting {
  double area_px = 0;   // 0: not seen
  double x = 0, y = 0;  // centroid, px
  UnitColour colour{};  // mean of the pixels that are wholly the object's, if any are

  bool is_seen() const { return area_px > 0; }
};

/// The colour of most of a frame: the median of each channel.
///   frame_HWC  float32 in [0, 1] on the CPU, C = 3
UnitColour background_of(const at::Tensor& frame_HWC);

/// Each of the objects in the frame. A pixel p is a mixture of the background b and colour c in the
/// share a = (p - b)(c - b) / |c - b|^2, as far as p lies on the line between both: it counts for
/// the object whose line is nearest, if a is above 0.25 and p nearer than 0.05 + 0.15 a |c - b|.
/// Areas under 2 px are noise.
///   frame_HWC  float32 in [0, 1] on the CPU, C = 3
std::vector<Sighting> parse_objects(const at::Tensor& frame_HWC,
                                    const std::vector<UnitColour>& colours,
                                    const UnitColour& background);

/// Euclidean, 0 to sqrt(3).
double distance(const UnitColour& a, const UnitColour& b);

}  // namespace nextframe
