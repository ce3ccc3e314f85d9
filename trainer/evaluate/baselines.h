// This file is the trivial predictors that a world model has to beat.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "trainer/evaluate/episode_source.h"

namespace nextframe {

/// Predictions of the frame `horizon` after the last one of `known_frames` true frames:
///   copy_last   x, the last true frame x
///   mean_frame  mean_frame_HWC, for every horizon
///   linear      clip(x + horizon * (x - x')), pixel by pixel, x' the frame before x; the same as
///               rolling clip(2 x - x') out on its own clipped predictions. With one known frame
///               it is copy_last
/// All [H, W, C] float32 in [0, 1].
std::map<std::string, at::Tensor> baseline_frames(const at::Tensor& frames_THWC,
                                                  int64_t known_frames, int64_t horizon,
                                                  const at::Tensor& mean_frame_HWC);

constexpr int64_t kMeanFrameFrames = 4096;

/// Mean of the source's first kMeanFrameFrames frames, in order of episodes. [H, W, C] float32.
at::Tensor mean_frame(const EpisodeSource& source);

}  // namespace nextframe
