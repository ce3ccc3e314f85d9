// This file is how the gradients of a step's grains become one sum, the same bits on any number of
// ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

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

  /// The tensors in the order in which their gradients are exchanged, by name; empty before the
  /// first step has shown it.
  virtual std::vector<std::string> order() const { return {}; }

  /// Before the first step: takes the order of an earlier start instead of recording one. One that
  /// does not name each tensor once is ignored. The same on all ranks.
  virtual void take_order(const std::vector<std::string>& /*names*/) {}

  /// Seconds that a backward waited for exchanges since the last call of this function.
  virtual double take_wait_s() { return 0; }

  virtual int64_t gradient_bytes()
      const = 0;                             // of finish()'s result, and of what has not been sent
  virtual int64_t bucket_bytes() const = 0;  // of all else that it holds
};

}  // namespace nextframe
