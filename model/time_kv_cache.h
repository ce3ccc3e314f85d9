// The KV cache of one layer in time: a ring buffer with the keys and values of the newest frames.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/decode_attention.h"

namespace nextframe {

struct AttentionOptions;

/// Keys and values of the newest frames, of one layer in time. Keys are kept normalised and turned
/// by the number of their frame, counted from the first that the memory was given.
class TimeKvCache {
 public:
  explicit TimeKvCache(int64_t window) : window_(window) {}

  /// Adds frames behind the others, at most `window` of them; each of their tokens looks at its own
  /// place in its frame and in those before it, `window` of them at most.
  ///   packed_BTN3KF  queries, keys, values
  ///   options        scale, norm, and the angles of these frames, a row each
  ///   returns        [B, T, N, K, F]
  at::Tensor attend(const at::Tensor& packed_BTN3KF, const AttentionOptions& options);

 private:
  int64_t window_;
  KvCache ring_;
  int64_t frames_ = 0;  // that were ever added
};

/// Angles of one frame after another, without end.
class TimeRotations {
 public:
  TimeRotations(int64_t window, int64_t head_dim) : window_(window), head_dim_(head_dim) {}

  /// Of the next frames, a row each, on `device`. Rows are made a window at a time.
  Rotation next(int64_t num_frames, c10::Device device);

 private:
  int64_t window_, head_dim_;
  int64_t frames_ = 0;  // that were asked for
  Rotation made_;       // of frames first_made_ and following
  int64_t first_made_ = 0;
};

}  // namespace nextframe
