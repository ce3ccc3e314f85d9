// The KV cache of one layer over time: a ring buffer with the keys and values of the newest frames.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "kernels/decode_attention.h"

namespace nextframe {

struct AttentionOptions;

/// Rows first .. first + count - 1 of a table of angles.
Rotation rows_of(const Rotation& table, int64_t first, int64_t count);

/// Keys and values of the newest frames. Keys are stored after QK-norm and RoPE, by the number
/// of their frame since the cache was empty.
class TimeKvCache {
 public:
  /// `frame_tokens` as in AttentionMask: 1 where every token attends to its own place only, else
  /// the tokens of a frame. `looks`: how many frames can follow the cached ones without joining.
  explicit TimeKvCache(int64_t window, int64_t frame_tokens = 1, int64_t looks = 1)
      : window_(window), frame_tokens_(frame_tokens), looks_(looks) {}

  /// With a ring buffer of its own; a copy by assignment shares it.
  TimeKvCache clone() const;

  /// Frame-causal attention of new frames: each of their tokens attends to the tokens of its frame
  /// and of earlier ones, at most `window` frames in all.
  ///   packed_OLI3KF  queries, keys, values; L = frames x frame_tokens, frame after frame. With
  ///                  frame_tokens = 1, the places of a frame are I, else I = 1
  ///   options        scale, QK-norm, and RoPE angles with a row for each L
  ///   appends        whether they join the cache; else they are at most `looks` frames
  ///   ahead          frames between the cached ones and these, which attend() saw just now without
  ///                  appending them
  ///   returns        [O, L, I, K, F]
  at::Tensor attend(const at::Tensor& packed_OLI3KF, const AttentionOptions& options, bool appends,
                    int64_t ahead = 0);

 private:
  int64_t window_, frame_tokens_, looks_;
  KvCache ring_;
  int64_t frames_ = 0;  // appended so far
};

/// RoPE angles of an endless sequence of frames.
class TimeRotations {
 public:
  /// Makes the angles of `num_frames` frames, from number `first` on.
  using Make = std::function<Rotation(int64_t num_frames, int64_t first)>;

  /// `frame_rows`: rows of angles that a frame has.
  TimeRotations(int64_t window, Make make, int64_t frame_rows = 1)
      : window_(window), frame_rows_(frame_rows), make_(std::move(make)) {}

  /// The angles of the next frames on `device`. Computes them a window at a time. They
  /// are the next ones again unless `appends`.
  Rotation next(int64_t num_frames, c10::Device device, bool appends);

 private:
  int64_t window_, frame_rows_;
  Make make_;
  int64_t frames_ = 0;  // handed out so far
  Rotation made_;       // of frames first_made_ and following
  int64_t first_made_ = 0;
};

}  // namespace nextframe
