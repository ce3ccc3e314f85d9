// The KV cache of one layer in time: a ring buffer with the keys and values of the newest frames.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/decode_attention.h"

namespace nextframe {

struct AttentionOptions;

/// Keys and values of the newest frames. Keys are stored after QK-norm and RoPE, by the number
/// of their frame since the cache was empty.
class TimeKvCache {
 public:
  explicit TimeKvCache(int64_t window) : window_(window) {}

  /// Appends frames, at most `window` of them. Each of their tokens attends to the tokens at
  /// its own place in its frame and in earlier ones, at most `window` frames in all.
  ///   packed_BTN3KF  queries, keys, values
  ///   options        scale, QK-norm, and RoPE angles with a row for each of these frames
  ///   returns        [B, T, N, K, F]
  at::Tensor attend(const at::Tensor& packed_BTN3KF, const AttentionOptions& options);

 private:
  int64_t window_;
  KvCache ring_;
  int64_t frames_ = 0;  // appended so far
};

/// RoPE angles of an endless sequence of frames.
class TimeRotations {
 public:
  TimeRotations(int64_t window, int64_t head_dim) : window_(window), head_dim_(head_dim) {}

  /// The angles of the next frames, a row each, on `device`. Computes them a window at a time.
  Rotation next(int64_t num_frames, c10::Device device);

 private:
  int64_t window_, head_dim_;
  int64_t frames_ = 0;  // handed out so far
  Rotation made_;       // of frames first_made_ and following
  int64_t first_made_ = 0;
};

}  // namespace nextframe
