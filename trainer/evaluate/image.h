// Images made of frames, and their files: PNG, and animations as APNG or WebP.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace nextframe {

struct Color {
  uint8_t red, green, blue;
};

/// Rows of RGB bytes, top to bottom.
struct Image {
  Image(int64_t width, int64_t height, Color color);

  int64_t width_px;
  int64_t height_px;
  std::vector<uint8_t> rgb;

  /// Fills a rectangle, which must lie inside.
  void fill(int64_t left, int64_t top, int64_t width, int64_t height, Color color);

  /// Draws frame_HWC (uint8, or float32 in [0, 1]; C is 1 or 3) with every pixel `scale` px wide.
  void draw(int64_t left, int64_t top, const at::Tensor& frame_HWC, int64_t scale);

  /// Draws a number with digits of 3 x 5 dots of `scale` px, its top left corner as given.
  void draw_number(int64_t left, int64_t top, int64_t number, int64_t scale, Color color);
};

constexpr int64_t kDigitWidth = 4;  // dots, the gap to the next one included
constexpr int64_t kDigitHeight = 5;

/// Encode a PNG, an animated PNG (APNG, repeating forever), or an animated lossless WebP. All
/// images of an animation have one size.
std::string encode_png(const Image& image);
std::string encode_apng(const std::vector<Image>& images, int64_t frame_ms);
std::string encode_webp(const std::vector<Image>& images, int64_t frame_ms);

}  // namespace nextframe
