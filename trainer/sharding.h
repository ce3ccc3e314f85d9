// This file is what `parallel.shard` means on the ranks that there are: who owns what, and how it
// becomes whole again.
#pragma once

#include <optional>
#include <string>

#include "trainer/chunk_owners.h"
#include "trainer/value_gather.h"

namespace nextframe {

class Sharding {
 public:
  /// A rank alone has nothing to split. `world` moves tensors on the parameters' device and, like
  /// `parameters`, outlives this.
  Sharding(const std::string& shard, int64_t part_bytes, Communicator& world,
           const FlatParameters& parameters);

  bool is_split() const { return owners_.has_value(); }

  /// Null when every rank holds everything.
  const ChunkOwners* owners() const { return owners_ ? &*owners_ : nullptr; }
  ValueGather* gather() { return gather_ ? &*gather_ : nullptr; }
  const ValueGather* gather() const { return gather_ ? &*gather_ : nullptr; }

  /// Of the gradient as GradientSync returns it. Collective where it is split; `control` moves host
  /// tensors.
  double gradient_norm(const at::Tensor& gradient_sum, Communicator& control) const;

  /// Waits until what is being gathered has arrived. Returns the seconds waited since the last
  /// call, here and before.
  double finish_gathering();

 private:
  const FlatParameters& parameters_;
  std::optional<ChunkOwners> owners_;
  std::optional<ValueGather> gather_;
};

}  // namespace nextframe
