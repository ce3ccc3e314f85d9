#include "trainer/commands/clip_sheet.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "data/import/fit_frames.h"

namespace nextframe {
namespace {

constexpr int64_t kFrameSide_px = 128;  // at least so large, where enlarging helps
constexpr int64_t kMostSide_px = 256;
constexpr int64_t kGap_px = 4, kMargin_px = 72, kStrip_px = 24, kDigit_px = 2;
constexpr Color kPaper{24, 24, 28}, kInk{220, 220, 220}, kLine{90, 90, 100}, kBar{120, 180, 255};
constexpr int64_t kLeastCells = 8, kMostCells = 40;

/// Frames of which no side is longer than kMostSide_px.
at::Tensor reduced(const at::Tensor& frames_THWC) {
  const int64_t H = frames_THWC.size(1), W = frames_THWC.size(2), side = std::max(H, W);
  if (side <= kMostSide_px) return frames_THWC;
  return fit_frames(frames_THWC, {std::max<int64_t>(H * kMostSide_px / side, 1),
                                  std::max<int64_t>(W * kMostSide_px / side, 1), Fit::stretch});
}

/// Bars from the middle, as high as `largest` at most.
void draw_bars(Image& image, int64_t left, int64_t top, int64_t width, const at::Tensor& numbers,
               double largest) {
  const int64_t middle = top + kStrip_px / 2, half = kStrip_px / 2 - 1;
  const int64_t shown = std::clamp<int64_t>(numbers.size(0), 1, std::max<int64_t>(width / 3, 1));
  const int64_t bar = std::clamp<int64_t>(width / shown - 1, 1, 12);
  image.fill(left, middle, width, 1, kLine);
  for (int64_t a = 0; a < shown; ++a) {
    const double value = numbers[a].item<double>() / std::max(largest, 1e-9);
    const auto height =
        std::min<int64_t>(half, std::llround(std::abs(value) * static_cast<double>(half)));
    const int64_t x = left + a * (bar + 1);
    if (height > 0) image.fill(x, value > 0 ? middle - height : middle + 1, bar, height, kBar);
  }
}

double largest_number(const std::vector<ShownClip>& clips) {
  double largest = 0;
  for (const auto& clip : clips) {
    if (clip.actions.defined() && clip.actions.is_floating_point()) {
      largest = std::max(largest, clip.actions.abs().max().item<double>());
    }
  }
  return largest;
}

/// What the terminal says under a frame, in `width` characters.
std::string action_text(const ShownClip& clip, int64_t t, int64_t width) {
  std::string text;
  if (clip.actions.defined() && !clip.actions.is_floating_point()) {
    const auto choice = static_cast<size_t>(clip.actions[t].item<int64_t>());
    text = choice < clip.space.names.size() ? clip.space.names[choice] : std::to_string(choice);
  } else if (clip.actions.defined() && clip.space.kind == ActionSpace::Kind::multi_binary) {
    for (int64_t a = 0; a < clip.actions.size(1); ++a) {
      if (clip.actions[t][a].item<double>() == 0) continue;
      const auto button = static_cast<size_t>(a);
      text += (text.empty() ? "" : "+") +
              (button < clip.space.names.size() ? clip.space.names[button] : std::to_string(a));
    }
    if (text.empty()) text = "-";
  } else if (clip.actions.defined()) {
    for (int64_t a = 0; a < clip.actions.size(1); ++a) {
      const double value = std::round(clip.actions[t][a].item<double>() * 100) / 100;
      text += (a > 0 ? " " : "") + c10::str(value);
    }
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  text.resize(static_cast<size_t>(width), ' ');
  return text;
}

/// Two pixels, one above the other.
void put_cell(std::string& out, const uint8_t* upper, const uint8_t* lower) {
  out += c10::str("\x1b[38;2;", int{upper[0]}, ";", int{upper[1]}, ";", int{upper[2]}, ";48;2;",
                  int{lower[0]}, ";", int{lower[1]}, ";", int{lower[2]}, "m\u2580");
}

}  // namespace

Image clip_sheet(const std::vector<ShownClip>& clips) {
  const at::Tensor first = reduced(clips.front().frames_THWC);
  const int64_t side = std::max(first.size(1), first.size(2));
  const int64_t scale = std::clamp<int64_t>(kFrameSide_px / side, 1, 16);
  const int64_t H = first.size(1) * scale, W = first.size(2) * scale;
  int64_t most_frames = 1;
  for (const auto& clip : clips) most_frames = std::max(most_frames, clip.frames_THWC.size(0));
  const int64_t row_px = H + kStrip_px + 2 * kGap_px;
  Image image(kMargin_px + most_frames * (W + kGap_px),
              kGap_px + static_cast<int64_t>(clips.size()) * row_px, kPaper);
  const double largest = largest_number(clips);
  int64_t top = kGap_px;
  for (const auto& clip : clips) {
    image.draw_number(kGap_px, top, std::min<int64_t>(clip.episode, 9999999), kDigit_px, kInk);
    image.draw_number(kGap_px, top + 16, std::min<int64_t>(clip.first_frame, 9999999), kDigit_px,
                      kLine);
    const at::Tensor frames_THWC = reduced(clip.frames_THWC);
    for (int64_t t = 0; t < frames_THWC.size(0); ++t) {
      const int64_t left = kMargin_px + t * (W + kGap_px);
      image.draw(left, top, frames_THWC[t], scale);
      if (!clip.actions.defined()) continue;
      const int64_t strip = top + H + kGap_px;
      if (clip.actions.is_floating_point()) {
        draw_bars(image, left, strip, W, clip.actions[t], largest);
      } else if (W >= 7 * kDigitWidth * kDigit_px || clip.actions[t].item<int64_t>() < 10) {
        image.draw_number(left, strip, clip.actions[t].item<int64_t>(), kDigit_px, kInk);
      }
    }
    top += row_px;
  }
  return image;
}

std::string clip_cells(const std::vector<ShownClip>& clips, int64_t columns) {
  std::string out;
  for (const auto& clip : clips) {
    const int64_t room = std::max<int64_t>(columns, kLeastCells + 1);
    const int64_t width =
        std::clamp<int64_t>(room / clip.frames_THWC.size(0) - 1, kLeastCells, kMostCells);
    const int64_t shown = std::min(clip.frames_THWC.size(0), room / (width + 1));
    const int64_t height =
        std::max<int64_t>(width * clip.frames_THWC.size(1) / clip.frames_THWC.size(2), 2) / 2 * 2;
    const at::Tensor cells_THWC =
        fit_frames(clip.frames_THWC.slice(0, 0, shown), {height, width, Fit::stretch})
            .expand({-1, -1, -1, 3})
            .contiguous();
    out += c10::str(clip.shard, ", episode ", clip.episode, ", from frame ", clip.first_frame,
                    " on\n");
    const auto* pixels = cells_THWC.const_data_ptr<uint8_t>();
    for (int64_t y = 0; y < height; y += 2) {
      for (int64_t t = 0; t < shown; ++t) {
        for (int64_t x = 0; x < width; ++x) {
          const auto* upper = pixels + ((t * height + y) * width + x) * 3;
          put_cell(out, upper, upper + width * 3);
        }
        out += "\x1b[0m ";
      }
      out += "\n";
    }
    for (int64_t t = 0; t < shown && clip.actions.defined(); ++t) {
      out += action_text(clip, t, width) + " ";
    }
    out += "\n";
  }
  return out;
}

}  // namespace nextframe
