// This file is one bucket of a step's gradient: a part that is summed over all grains of all ranks
// on its own, while backward still works on the others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace nextframe {

/// Elements [offset, offset + count) of a flat buffer, whole or packed.
struct FlatRange {
  int64_t offset, count;
};

/// The two kinds are GradientBucket, whose sum every rank gets, and ShardBucket, of which each rank
/// gets what it owns.
class Bucket {
 public:
  virtual ~Bucket() = default;

  /// Takes its ranges of the flat float32 gradient of `grain`; owned grains come in ascending
  /// order.
  virtual void add(int64_t grain, const at::Tensor& gradient) = 0;

  /// After the last owned grain: begins the exchange. Every rank starts its buckets in one order.
  virtual void start() = 0;

  /// Waits until what start() sent has arrived, and frees what is needed no longer.
  virtual void settle() {}

  /// Waits for the sum over all grains of all ranks: places() behind one another, valid until the
  /// next step's add().
  virtual at::Tensor finish() = 0;

  /// Where what finish() returns belongs.
  virtual const std::vector<FlatRange>& places() const = 0;

  virtual int64_t bytes() const = 0;  // that it holds
};

}  // namespace nextframe
