#include "trainer/play/frame_cells.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "data/import/fit_frames.h"

namespace nextframe {
namespace {

/// Two pixels, one above the other, in the terminal's colours that were set last where they are
/// these.
class CellWriter {
 public:
  void put(const uint8_t* upper, const uint8_t* lower) {
    const Rgb above = rgb(upper), below = rgb(lower);
    if (above != above_)
      text_ += c10::str("\x1b[38;2;", above[0], ";", above[1], ";", above[2], "m");
    if (below != below_)
      text_ += c10::str("\x1b[48;2;", below[0], ";", below[1], ";", below[2], "m");
    text_ += "\u2580";
    above_ = above, below_ = below;
  }

  void plain(const std::string& text) {
    text_ += "\x1b[0m" + text;
    above_ = below_ = {-1, -1, -1};
  }

  std::string take() { return std::move(text_); }

 private:
  using Rgb = std::array<int, 3>;
  static Rgb rgb(const uint8_t* pixel) { return {pixel[0], pixel[1], pixel[2]}; }

  std::string text_;
  Rgb above_{-1, -1, -1}, below_{-1, -1, -1};
};

/// [T, height, width, 3], where the height is even.
at::Tensor fitted(const std::vector<at::Tensor>& frames_HWC, int64_t most_width,
                  int64_t most_height) {
  auto frames_THWC = at::stack(frames_HWC).expand({-1, -1, -1, 3}).contiguous();
  const int64_t H = frames_THWC.size(1), W = frames_THWC.size(2);
  const int64_t scale = std::min(most_width / W, most_height / H);
  if (scale >= 1) {
    frames_THWC = frames_THWC.repeat_interleave(scale, 1).repeat_interleave(scale, 2);
    if (H * scale % 2 == 1) frames_THWC = at::constant_pad_nd(frames_THWC, {0, 0, 0, 0, 0, 1});
    return frames_THWC.contiguous();
  }
  const double shrink = std::min(static_cast<double>(most_width) / static_cast<double>(W),
                                 static_cast<double>(most_height) / static_cast<double>(H));
  const auto shrunk = [&](int64_t side) {
    return std::max<int64_t>(static_cast<int64_t>(static_cast<double>(side) * shrink), 1);
  };
  return fit_frames(frames_THWC, {std::max<int64_t>(shrunk(H) / 2 * 2, 2), shrunk(W), Fit::stretch})
      .contiguous();
}

}  // namespace

std::string frame_cells(const std::vector<at::Tensor>& frames_HWC, int64_t columns, int64_t rows) {
  const auto count = static_cast<int64_t>(frames_HWC.size());
  const auto cells_THWC =
      fitted(frames_HWC, std::max<int64_t>(columns / count - 1, 1), std::max<int64_t>(2 * rows, 2));
  const int64_t height = cells_THWC.size(1), width = cells_THWC.size(2);
  const auto* const pixels = cells_THWC.const_data_ptr<uint8_t>();
  CellWriter writer;
  for (int64_t y = 0; y < height; y += 2) {
    for (int64_t t = 0; t < count; ++t) {
      for (int64_t x = 0; x < width; ++x) {
        const auto* const upper = pixels + ((t * height + y) * width + x) * 3;
        writer.put(upper, upper + width * 3);
      }
      writer.plain(t + 1 < count ? " " : "\n");
    }
  }
  return writer.take();
}

}  // namespace nextframe
