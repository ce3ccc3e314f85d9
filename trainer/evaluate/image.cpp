#include "trainer/evaluate/image.h"

#include <ATen/ATen.h>

#include <array>
#include <string>

namespace nextframe {
namespace {

/// Digits 0 to 9, five rows of three dots each, the top left dot in the highest of 15 bits.
constexpr std::array<uint16_t, 10> kDigits = {
    0b111'101'101'101'111, 0b010'110'010'010'111, 0b111'001'111'100'111, 0b111'001'111'001'111,
    0b101'101'111'001'001, 0b111'100'111'001'111, 0b111'100'111'101'111, 0b111'001'010'010'010,
    0b111'101'111'101'111, 0b111'101'111'001'111};

at::Tensor to_rgb_bytes(const at::Tensor& frame_HWC) {
  auto bytes = frame_HWC.detach().cpu();
  if (bytes.scalar_type() != at::kByte) {
    bytes = bytes.to(at::kFloat).clamp(0, 1).mul(255).round().to(at::kByte);
  }
  return bytes.expand({bytes.size(0), bytes.size(1), 3}).contiguous();
}

}  // namespace

Image::Image(int64_t width, int64_t height, Color color)
    : width_px(width), height_px(height), rgb(static_cast<size_t>(width * height * 3)) {
  fill(0, 0, width, height, color);
}

void Image::fill(int64_t left, int64_t top, int64_t width, int64_t height, Color color) {
  TORCH_INTERNAL_ASSERT(left >= 0 && top >= 0 && left + width <= width_px &&
                        top + height <= height_px);
  for (int64_t y = top; y < top + height; ++y) {
    uint8_t* pixel = rgb.data() + (y * width_px + left) * 3;
    for (int64_t x = 0; x < width; ++x) {
      *pixel++ = color.red;
      *pixel++ = color.green;
      *pixel++ = color.blue;
    }
  }
}

void Image::draw(int64_t left, int64_t top, const at::Tensor& frame_HWC, int64_t scale) {
  const auto bytes_HWC = to_rgb_bytes(frame_HWC);
  const uint8_t* pixel = bytes_HWC.const_data_ptr<uint8_t>();
  for (int64_t y = 0; y < bytes_HWC.size(0); ++y) {
    for (int64_t x = 0; x < bytes_HWC.size(1); ++x, pixel += 3) {
      fill(left + x * scale, top + y * scale, scale, scale, {pixel[0], pixel[1], pixel[2]});
    }
  }
}

void Image::draw_number(int64_t left, int64_t top, int64_t number, int64_t scale, Color color) {
  for (const char digit : std::to_string(number)) {
    const uint16_t dots = kDigits.at(static_cast<size_t>(digit - '0'));
    for (int64_t dot = 0; dot < 15; ++dot) {
      if ((dots >> (14 - dot) & 1) == 0) continue;
      fill(left + dot % 3 * scale, top + dot / 3 * scale, scale, scale, color);
    }
    left += kDigitWidth * scale;
  }
}

}  // namespace nextframe
