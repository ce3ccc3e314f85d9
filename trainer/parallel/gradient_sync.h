// Sums the gradients of a step's grains (microbatches) over all ranks, as DDP or ZeRO do, with the
// same bits on any number of ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

/// Sizes of gradient buckets, in bytes of float32. The first is smaller, so that communication
/// starts early.
struct BucketBytes {
  int64_t first = int64_t{1} << 20;
  int64_t others = int64_t{25} << 20;
};

/// In a step, for each of the rank's grains in ascending order: begin(), backward, add(). Then
/// finish(). Implemented by DdpSync (DDP, ZeRO-1) and Zero2Sync (ZeRO-2, ZeRO-3).
class GradientSync {
 public:
  virtual ~GradientSync() = default;

  /// Call it before the backward of `grain`.
  virtual void begin(int64_t grain) = 0;

  /// Call it after the backward of `grain`: takes the gradients that hooks on the parameters did
  /// not already take during backward.
  /// `gradient` is the flat gradient buffer, if there is one; it may be overwritten right after.
  virtual void add(int64_t grain, const at::Tensor& gradient) = 0;

  /// The sum over all grains of all ranks: the whole flat gradient, or this rank's packed shard.
  /// Valid until the next step's add().
  virtual at::Tensor finish() = 0;

  /// Names of the tensors in the order in which their gradients are communicated; empty before the
  /// first step has recorded it.
  virtual std::vector<std::string> order() const { return {}; }

  /// Before the first step: takes the order that an earlier start recorded. Ignored unless it names
  /// every tensor exactly once. All ranks pass the same.
  virtual void take_order(const std::vector<std::string>& /*names*/) {}

  /// Seconds that backward waited for communication since the last call of this function.
  virtual double take_wait_s() { return 0; }

  virtual int64_t gradient_bytes() const = 0;  // of finish()'s result and of unsent gradients
  virtual int64_t bucket_bytes() const = 0;    // of everything else that it holds
};

}  // namespace nextframe
