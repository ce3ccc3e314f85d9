#include "trainer/evaluate/baselines.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/evaluate/metrics.h"

namespace nextframe {

std::map<std::string, at::Tensor> baseline_frames(const at::Tensor& frames_THWC,
                                                  int64_t known_frames, int64_t horizon,
                                                  const at::Tensor& mean_frame_HWC) {
  const auto last_HWC = to_unit_range(frames_THWC[known_frames - 1]);
  const auto before_HWC = to_unit_range(frames_THWC[std::max<int64_t>(0, known_frames - 2)]);
  const auto steps = static_cast<double>(horizon);
  return {{"copy_last", last_HWC},
          {"mean_frame", mean_frame_HWC},
          {"linear", to_unit_range(last_HWC + (last_HWC - before_HWC) * steps)}};
}

at::Tensor mean_frame(const EpisodeSource& source) {
  const auto& shape = source.shape;
  auto sum_HWC = at::zeros({shape.height_px, shape.width_px, shape.channels}, at::kLong);
  int64_t num_frames = 0;
  for (int64_t episode = 0; episode < source.num_episodes && num_frames < kMeanFrameFrames;
       ++episode) {
    const auto frames_THWC = source.read(episode, kMeanFrameFrames - num_frames).frames_THWC;
    sum_HWC += frames_THWC.sum(0, false, at::kLong);
    num_frames += frames_THWC.size(0);
  }
  TORCH_CHECK(num_frames > 0, "evaluate: the mean frame needs at least one frame, got none");
  return sum_HWC.to(at::kDouble).div_(255.0 * static_cast<double>(num_frames)).to(at::kFloat);
}

}  // namespace nextframe
