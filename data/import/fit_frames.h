// Brings frames to the size that a model is to see.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace nextframe {

enum class Fit {
  crop,     // the middle, cut to the new shape; nothing is distorted
  pad,      // all of it, with black bars
  stretch,  // all of it, distorted
};

/// Throws std::invalid_argument for anything but crop, pad and stretch.
Fit fit_from_name(const std::string& name);
std::string name_of(Fit fit);

struct FrameSize {
  int64_t height_px = 0, width_px = 0;  // 0: as they are
  Fit fit = Fit::crop;
};

/// "64x96" as height and width; throws std::invalid_argument for anything else, and for sides that
/// are not 1 to 16384.
FrameSize frame_size_from(const std::string& text);

/// uint8 [T, H, W, C] at the new size, scaled with a triangle filter as wide as the pixels that it
/// replaces (what Pillow calls BILINEAR).
at::Tensor fit_frames(const at::Tensor& frames_THWC, const FrameSize& size);

}  // namespace nextframe
