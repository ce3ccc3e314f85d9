// This file is how the gradients of a step's grains become one sum, the same bits on any number of
// ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nextframe {

/// Of a bucket, in bytes of float32. The first is smaller, so that the exchange begins early.
struct BucketBytes {
  int64_t first = int64_t{1} << 20;
  int64_t others = int64_t{25} << 20;
};

/// In a step: begin(), backward, add() for each owned grain in ascending order; then finish(). The
/// two kinds are StepExchange and RoundExchange.
class GradientSync {
 public:
  virtual ~GradientSync() = default;

  /// Before the backward of `grain`.
  virtual void begin(int64_t grain) = 0;

  /// After it: takes what has not been taken yet. `gradient` is the flat one, where there is one;
  /// it may be written again at once.
  virtual void add(int64_t grain, const at::Tensor& gradient) = 0;

  /// The sum over all grains of all ranks: all of it, or what this rank owns, packed; valid until
  /// the next step's add().
  virtual at::Tensor finish() = 0;

  /// Seconds that a backward waited for exchanges since the last call of this function.
  virtual double take_wait_s() { return 0; }

  virtual int64_t gradient_bytes()
      const = 0;                             // of finish()'s result, and of what has not been sent
  virtual int64_t bucket_bytes() const = 0;  // of all else that it holds
};

}  // namespace nextframe
