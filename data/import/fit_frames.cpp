#include "data/import/fit_frames.h"

#include <ATen/ATen.h>

#include <charconv>
#include <cmath>
#include <stdexcept>

namespace nextframe {
namespace {

constexpr int64_t kMostFittedSide_px = 16384;

at::Tensor scale(const at::Tensor& frames_THWC, int64_t height_px, int64_t width_px) {
  if (frames_THWC.size(1) == height_px && frames_THWC.size(2) == width_px) return frames_THWC;
  const auto frames_TCHW = frames_THWC.permute({0, 3, 1, 2});
  return at::_upsample_bilinear2d_aa(frames_TCHW, {height_px, width_px}, /*align_corners=*/false)
      .permute({0, 2, 3, 1});
}

/// `length` scaled by `to` / `from`, at least 1.
int64_t scaled(int64_t length, int64_t to, int64_t from) {
  return std::max<int64_t>(std::llround(static_cast<double>(length) * static_cast<double>(to) /
                                        static_cast<double>(from)),
                           1);
}

at::Tensor middle(const at::Tensor& frames_THWC, int64_t height_px, int64_t width_px) {
  const int64_t top = (frames_THWC.size(1) - height_px) / 2;
  const int64_t left = (frames_THWC.size(2) - width_px) / 2;
  return frames_THWC.slice(1, top, top + height_px).slice(2, left, left + width_px);
}

}  // namespace

Fit fit_from_name(const std::string& name) {
  if (name == "crop") return Fit::crop;
  if (name == "pad") return Fit::pad;
  if (name == "stretch") return Fit::stretch;
  throw std::invalid_argument("--fit '" + name + "': known are crop, pad and stretch");
}

std::string name_of(Fit fit) {
  return fit == Fit::crop ? "crop" : fit == Fit::pad ? "pad" : "stretch";
}

FrameSize frame_size_from(const std::string& text) {
  FrameSize size;
  const char* end = text.data() + text.size();
  const auto height = std::from_chars(text.data(), end, size.height_px);
  const bool has_cross = height.ec == std::errc() && height.ptr != end && *height.ptr == 'x';
  const auto width = std::from_chars(has_cross ? height.ptr + 1 : end, end, size.width_px);
  const auto is_side = [](int64_t px) { return px >= 1 && px <= kMostFittedSide_px; };
  if (!has_cross || width.ec != std::errc() || width.ptr != end || !is_side(size.height_px) ||
      !is_side(size.width_px)) {
    throw std::invalid_argument("--size '" + text +
                                "': needed: HEIGHTxWIDTH in pixels, for example 64x96");
  }
  return size;
}

at::Tensor fit_frames(const at::Tensor& frames_THWC, const FrameSize& size) {
  const int64_t H = frames_THWC.size(1), W = frames_THWC.size(2);
  const int64_t to_H = size.height_px, to_W = size.width_px;
  if (to_H == 0 || frames_THWC.size(0) == 0 || (to_H == H && to_W == W)) return frames_THWC;
  // Which side decides: for a crop the one that needs the larger scale, for bars the other.
  const bool height_is_larger_scale = to_H * W >= to_W * H;
  if (size.fit == Fit::crop) {
    const int64_t crop_H = height_is_larger_scale ? H : std::min(scaled(W, to_H, to_W), H);
    const int64_t crop_W = height_is_larger_scale ? std::min(scaled(H, to_W, to_H), W) : W;
    return scale(middle(frames_THWC, crop_H, crop_W), to_H, to_W).contiguous();
  }
  if (size.fit == Fit::stretch) return scale(frames_THWC, to_H, to_W).contiguous();
  const int64_t in_H = height_is_larger_scale ? std::min(scaled(H, to_W, W), to_H) : to_H;
  const int64_t in_W = height_is_larger_scale ? to_W : std::min(scaled(W, to_H, H), to_W);
  const at::Tensor fitted =
      at::zeros({frames_THWC.size(0), to_H, to_W, frames_THWC.size(3)}, at::kByte);
  middle(fitted, in_H, in_W).copy_(scale(frames_THWC, in_H, in_W));
  return fitted;
}

}  // namespace nextframe
