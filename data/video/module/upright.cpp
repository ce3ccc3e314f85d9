#include "data/video/module/upright.h"

#include <cstdlib>
#include <cstring>
#include <utility>

namespace nextframe {
namespace {

int sign(int64_t value) { return value < 0 ? -1 : 1; }

/// The old names of formats with a full range.
std::pair<AVPixelFormat, bool> without_range(AVPixelFormat format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      return {AV_PIX_FMT_YUV420P, true};
    case AV_PIX_FMT_YUVJ422P:
      return {AV_PIX_FMT_YUV422P, true};
    case AV_PIX_FMT_YUVJ444P:
      return {AV_PIX_FMT_YUV444P, true};
    case AV_PIX_FMT_YUVJ440P:
      return {AV_PIX_FMT_YUV440P, true};
    default:
      return {format, false};
  }
}

/// Where a file does not say, large pictures are BT.709 and small ones BT.601, as players do it.
int colour_matrix_of(const AVFrame& frame) {
  if (frame.colorspace == AVCOL_SPC_UNSPECIFIED || frame.colorspace == AVCOL_SPC_RGB) {
    return frame.height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601;
  }
  return static_cast<int>(frame.colorspace);
}

bool may_be_transparent(AVPixelFormat format) {
  const auto* description = av_pix_fmt_desc_get(format);
  return format == AV_PIX_FMT_PAL8 ||
         (description != nullptr && (description->flags & AV_PIX_FMT_FLAG_ALPHA) != 0);
}

/// RGBA onto black, in place; then RGB without gaps.
void blend(std::vector<uint8_t>& pixels, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const unsigned opacity = pixels[4 * i + 3];
    for (size_t c = 0; c < 3; ++c) {
      pixels[3 * i + c] = static_cast<uint8_t>((pixels[4 * i + c] * opacity + 127) / 255);
    }
  }
}

}  // namespace

Turn turn_of(const int32_t* matrix) {
  if (matrix == nullptr) return {};
  const int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  if (std::llabs(a) >= std::llabs(b)) return {sign(a), 0, 0, sign(d)};
  return {0, sign(b), sign(c), 0};
}

void UprightRgb::convert(const AVFrame& frame, const Turn& turn, uint8_t* out) {
  const auto [format, is_full] = without_range(static_cast<AVPixelFormat>(frame.format));
  const int range = is_full || frame.color_range == AVCOL_RANGE_JPEG ? 1 : 0;
  const bool has_opacity = may_be_transparent(format);
  const std::array<int, 5> needed{frame.width, frame.height, format, colour_matrix_of(frame),
                                  range};
  if (!scaler_ || needed != made_for_) {
    scaler_.reset(sws_getContext(frame.width, frame.height, format, frame.width, frame.height,
                                 has_opacity ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24,
                                 SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr,
                                 nullptr, nullptr));
    if (!scaler_) throw DataError("has pixels of a format that cannot be converted");
    sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(needed[3]), range,
                             sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
    made_for_ = needed;
  }
  const int64_t W = frame.width, H = frame.height;
  const auto pixels = static_cast<size_t>(W * H);
  const int stride = frame.width * (has_opacity ? 4 : 3);
  rgb_.resize(pixels * (has_opacity ? 4 : 3) + 64);  // the scaler writes whole vectors
  uint8_t* planes[] = {rgb_.data()};
  sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, planes, &stride);
  if (has_opacity) blend(rgb_, pixels);
  const int64_t out_W = turn.swaps_sides() ? H : W;
  // Where the first pixel goes, so that all of them stay inside.
  const int64_t first_x = (turn.right_x < 0 ? W - 1 : 0) + (turn.down_x < 0 ? H - 1 : 0);
  const int64_t first_y = (turn.right_y < 0 ? W - 1 : 0) + (turn.down_y < 0 ? H - 1 : 0);
  for (int64_t y = 0; y < H; ++y) {
    for (int64_t x = 0; x < W; ++x) {
      const int64_t to_x = first_x + turn.right_x * x + turn.down_x * y;
      const int64_t to_y = first_y + turn.right_y * x + turn.down_y * y;
      std::memcpy(out + (to_y * out_W + to_x) * 3, rgb_.data() + (y * W + x) * 3, 3);
    }
  }
}

}  // namespace nextframe
