// Features of short clips, by which distributions of clips are compared: ours, which need no
// weights, or those of a TorchScript file.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

namespace nextframe {

struct ClipFeatures {
  std::string name;  // for the report
  /// float64 [N, D] on the CPU.
  ///   clips_NTHWC  uint8, on the CPU
  std::function<at::Tensor(const at::Tensor& clips_NTHWC)> compute;
  int64_t least_frames = 1, least_px = 1;  // of a clip, and of its height and width
  bool is_of_any_scale = false;            // for users to give each feature the same weight
};

/// 32 filters of random weights, uniform in [-1, 1), drawn by counter, of 5 x 5 px and all
/// channels, each of length 1. Of these
///   0 .. 7    see one frame as it is,
///   8 .. 15   sum to 0 in each channel, so that they see texture and edges only,
///   16 .. 31  span 3 frames, and at each pixel their weights sum to 0 over time, so that they see
///             what changes, and how it moves.
/// A feature is the mean absolute response over all frames and places where the whole filter lies
/// inside the clip, at every second pixel. Values are in [0, 1]. Frames above 64 px are averaged
/// down by the least whole factor before. This is no FVD: its numbers compare with nothing but
/// themselves.
ClipFeatures filter_features();

/// Those of a TorchScript module that takes clips uint8 [N, T, H, W, C] and returns numbers [N, D];
/// 8 clips at a time, on the CPU. Loading runs the file's code. DataError that names the file if it
/// is no such module; compute() throws it, too.
ClipFeatures scripted_features(const std::string& file);

}  // namespace nextframe
