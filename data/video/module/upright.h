// A decoded frame as upright RGB bytes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "data/video/module/ffmpeg_error.h"

namespace nextframe {

/// A turn by quarters, perhaps mirrored: where a step to the right and a step down lead.
struct Turn {
  int right_x = 1, right_y = 0, down_x = 0, down_y = 1;
  bool swaps_sides() const { return right_x == 0; }
};

/// Of a display matrix (libavutil/display.h); no turn for nullptr.
Turn turn_of(const int32_t* matrix);

/// Converts frames of one size; honours their colour matrix and range.
class UprightRgb {
 public:
  /// Writes [H, W, 3], H and W the sides after the turn. Transparent pixels are blended onto black.
  void convert(const AVFrame& frame, const Turn& turn, uint8_t* out);

 private:
  FfmpegHandle<SwsContext> scaler_;
  std::array<int, 5> made_for_{};  // width, height, format, matrix, range
  std::vector<uint8_t> rgb_;       // before the turn, with opacity where there is one
};

}  // namespace nextframe
