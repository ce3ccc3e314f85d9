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

  /// Attention of new frames. Each of their tokens attends to the tokens
  /// at its own place in its frame and in earlier ones, at most `window` frames in all.
  ///   packed_BTN3KF  queries, keys, values
  ///   options        scale, QK-norm, and RoPE angles with a row for each of these frames
  ///   appends        whether they join the cache; else this is one frame
  ///   returns        [B, T, N, K, F]
  at::Tensor attend(const at::Tensor& packed_BTN3KF, const AttentionOptions& options, bool appends);

 private:
  int64_t window_;
  KvCache ring_;
  int64_t frames_ = 0;  // appended so far
};

/// RoPE angles of an endless sequence of frames.
class TimeRotations {
 public:
  TimeRotations(int64_t window, int64_t head_dim) : window_(window), head_dim_(head_dim) {}

  /// The angles of the next frames, a row each, on `device`. Computes them a window at a time. They
  /// are the next ones again unless `appends`.
  Rotation next(int64_t num_frames, c10::Device device, bool appends);

 private:
  int64_t window_, head_dim_;
  int64_t frames_ = 0;  // handed out so far
  Rotation made_;       // of frames first_made_ and following
  int64_t first_made_ = 0;
};

}  // namespace nextframe
