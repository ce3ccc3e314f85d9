#include "trainer/evaluate/clip_features.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/base/philox.h"

namespace nextframe {
namespace {

constexpr uint64_t kFilterKey = 0x636C697066696C74;  // "clipfilt": shares no bits with others
constexpr int64_t kFilterPx = 5, kFilterFrames = 3, kMostFilteredPx = 64;
constexpr int64_t kPlainFilters = 8, kTextureFilters = 8, kMotionFilters = 16;
constexpr int64_t kClipsAtOnce = 8;

/// Filters [count, C, T, 5, 5], the first of which has number `first`.
at::Tensor draw_filters(int64_t first, int64_t count, int64_t channels, int64_t frames) {
  const auto filters = at::empty({count, channels, frames, kFilterPx, kFilterPx}, at::kFloat);
  const int64_t size = filters.numel() / count;
  auto* weight = filters.data_ptr<float>();
  for (int64_t i = first; i < first + count; ++i) {
    for (int64_t k = 0; k < size; ++k) {
      const Philox bits(kFilterKey, static_cast<uint64_t>(k), static_cast<uint64_t>(i));
      *weight++ = 2 * uniform_from_bits(bits.value[0]) - 1;
    }
  }
  return filters;
}

at::Tensor of_length_one(const at::Tensor& filters) {
  return filters / filters.square().sum({1, 2, 3, 4}, true).sqrt();
}

/// Mean absolute responses [N, filters].
at::Tensor responses(const at::Tensor& clips_NCTHW, const at::Tensor& filters) {
  return at::conv3d(clips_NCTHW, of_length_one(filters), {}, {1, 2, 2}).abs().mean({2, 3, 4});
}

at::Tensor filtered(const at::Tensor& clips_NTHWC) {
  auto clips_NCTHW = clips_NTHWC.permute({0, 4, 1, 2, 3}).to(at::kFloat).div(255.0).contiguous();
  const int64_t longest_px = std::max(clips_NCTHW.size(3), clips_NCTHW.size(4));
  const int64_t factor = (longest_px + kMostFilteredPx - 1) / kMostFilteredPx;
  if (factor > 1) clips_NCTHW = at::avg_pool3d(clips_NCTHW, {1, factor, factor});
  const int64_t channels = clips_NCTHW.size(1);
  const auto plain = draw_filters(0, kPlainFilters, channels, 1);
  auto texture = draw_filters(kPlainFilters, kTextureFilters, channels, 1);
  texture = texture - texture.mean({3, 4}, true);
  auto motion =
      draw_filters(kPlainFilters + kTextureFilters, kMotionFilters, channels, kFilterFrames);
  motion = motion - motion.mean({2}, true);
  return at::cat(
             {responses(clips_NCTHW, at::cat({plain, texture})), responses(clips_NCTHW, motion)}, 1)
      .to(at::kDouble);
}

}  // namespace

ClipFeatures filter_features() {
  const auto compute = [](const at::Tensor& clips_NTHWC) {
    std::vector<at::Tensor> parts;  // of few clips: responses take 60 MB for 8 of 16 frames
    for (const auto& some : clips_NTHWC.split(kClipsAtOnce)) parts.push_back(filtered(some));
    return at::cat(parts);
  };
  return {"random filters", compute, kFilterFrames, kFilterPx, true};
}

}  // namespace nextframe
