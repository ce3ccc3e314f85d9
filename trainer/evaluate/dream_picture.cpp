// How dreams are laid out: a sheet of all frames, and the images of an animation.
#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/evaluate/dream.h"

namespace nextframe {
namespace {

constexpr Color kBackground = {24, 24, 27}, kNumber = {170, 170, 178};
constexpr Color kContext = {240, 170, 40}, kDreamed = {70, 130, 240};
constexpr int64_t kGapPx = 2, kBarPx = 4, kEpisodeGapPx = 12, kDigitScale = 2;
constexpr int64_t kNumbersPx = kDigitHeight * kDigitScale + 2 * kGapPx;
constexpr int64_t kSheetCellPx = 64, kAnimationCellPx = 256;  // frames below are enlarged

/// The sizes that every picture of these dreams shares.
struct Layout {
  int64_t scale, cell_width, cell_height, pair_height;

  Layout(const std::vector<Dream>& dreams, int64_t cell_px) {
    TORCH_CHECK(!dreams.empty(), "rollout: a picture needs one episode or more, got none");
    const auto& frames = dreams[0].truth_THWC;
    scale = std::max<int64_t>(1, cell_px / std::max(frames.size(1), frames.size(2)));
    cell_height = frames.size(1) * scale;
    cell_width = frames.size(2) * scale;
    pair_height = kBarPx + kGapPx + 2 * (cell_height + kGapPx);
  }
};

int64_t num_frames(const Dream& dream) { return dream.truth_THWC.size(0); }

/// Frame `frame` of truth above the dream's, under a bar that says which of the two it was given.
void draw_pair(Image& image, const Layout& layout, int64_t left, int64_t top, const Dream& dream,
               int64_t frame) {
  const bool is_context =
      frame < dream.context_frames || frame >= num_frames(dream) - dream.frames_after;
  const auto true_HWC = dream.truth_THWC[frame];
  image.fill(left, top, layout.cell_width, kBarPx, is_context ? kContext : kDreamed);
  top += kBarPx + kGapPx;
  image.draw(left, top, true_HWC, layout.scale);
  top += layout.cell_height + kGapPx;
  image.draw(left, top, is_context ? true_HWC : dream.dreamed_THWC[frame - dream.context_frames],
             layout.scale);
}

int64_t longest(const std::vector<Dream>& dreams) {
  int64_t frames = 0;
  for (const auto& dream : dreams) frames = std::max(frames, num_frames(dream));
  return frames;
}

}  // namespace

Image sheet(const std::vector<Dream>& dreams) {
  const Layout layout(dreams, kSheetCellPx);
  const int64_t frames = longest(dreams), step = layout.cell_width + kGapPx;
  const auto rows = static_cast<int64_t>(dreams.size());
  Image image(kGapPx + frames * step,
              kNumbersPx + rows * layout.pair_height + (rows - 1) * kEpisodeGapPx, kBackground);
  for (int64_t frame = 0; frame < frames; ++frame) {
    const int64_t left = kGapPx + frame * step;
    const int64_t digits = static_cast<int64_t>(std::to_string(frame).size());
    if (digits * kDigitWidth * kDigitScale <= layout.cell_width) {
      image.draw_number(left, kGapPx, frame, kDigitScale, kNumber);
    }
    int64_t top = kNumbersPx;
    for (const auto& dream : dreams) {
      if (frame < num_frames(dream)) draw_pair(image, layout, left, top, dream, frame);
      top += layout.pair_height + kEpisodeGapPx;
    }
  }
  return image;
}

std::vector<Image> animation(const std::vector<Dream>& dreams) {
  const Layout layout(dreams, kAnimationCellPx);
  const int64_t step = layout.cell_width + kEpisodeGapPx;
  std::vector<Image> images;
  for (int64_t frame = 0; frame < longest(dreams); ++frame) {
    Image image(static_cast<int64_t>(dreams.size()) * step - kEpisodeGapPx + 2 * kGapPx,
                kGapPx + layout.pair_height, kBackground);
    int64_t left = kGapPx;
    for (const auto& dream : dreams) {  // an episode that has ended keeps its last frame
      draw_pair(image, layout, left, kGapPx, dream, std::min(frame, num_frames(dream) - 1));
      left += step;
    }
    images.push_back(std::move(image));
  }
  return images;
}

}  // namespace nextframe
