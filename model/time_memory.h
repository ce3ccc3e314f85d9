// This file is what a layer in time remembers of the frames before: a ring of keys and values.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// Keys and values of the newest frames, as one layer in time was given them.
class TimeMemory {
 public:
  explicit TimeMemory(int64_t window) : window_(window) {}

  struct KeysAndValues {
    at::Tensor key_BTNKF, value_BTNKF;
  };

  /// Adds frames behind the others, at most `window` of them; returns all that it still keeps.
  ///   packed_BTN3KF  queries, keys, values
  KeysAndValues append(const at::Tensor& packed_BTN3KF);

 private:
  int64_t window_;
  // Frames [begin, end) count; room for as many again, so that they seldom move.
  at::Tensor kept_BTN2KF_;
  int64_t begin_ = 0, end_ = 0;
};

}  // namespace nextframe
