// All-gather of sharded values (ZeRO-1 to 3): each rank sends what it owns, and every rank gets the
// whole, one part of the flat buffer at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <utility>
#include <vector>

#include "launch/communicator.h"
#include "trainer/parallel/chunk_owners.h"

namespace nextframe {

/// Where a buffer has the elements that its rank owns.
enum class ShardPlace {
  flat,    // at their places in the flat buffer
  packed,  // one after another, as ChunkOwners packs them
};

class AllGather {
 public:
  /// Cuts the flat buffer into parts of about `part_bytes`, each of neighbouring tensors. All
  /// references must outlive this object.
  AllGather(Communicator& world, const FlatParameters& parameters, const ChunkOwners& owners,
            int64_t part_bytes);

  /// Takes the parts as given: neighbouring ranges that together have all tensors.
  AllGather(Communicator& world, const FlatParameters& parameters, const ChunkOwners& owners,
            std::vector<TensorRange> parts);

  const ChunkOwners& owners() const { return owners_; }
  Communicator& world() const { return world_; }
  const std::vector<TensorRange>& parts() const { return parts_; }

  /// Begins to gather `part` into `whole`, which begins with the part's first tensor. `source` has
  /// what this rank owns; it may be the same buffer as `whole`. To bound memory, waits for the
  /// oldest of two parts in flight. Collective.
  void start(size_t part, const at::Tensor& source, ShardPlace place, const at::Tensor& whole);

  /// Waits for all that was started.
  void finish();

  /// Waits for a part, and for all that was started before it.
  void finish(size_t part);

  /// Gathers all parts of a flat buffer, one after another. Collective.
  void fill(const at::Tensor& source, ShardPlace place, const at::Tensor& whole);

  /// Offset of a part's first tensor in the flat buffers, in elements.
  int64_t part_begin(size_t part) const;

  int64_t peak_bytes() const { return peak_bytes_; }  // largest size in flight at the same time

  /// Seconds spent waiting since the last call of this function.
  double take_wait_s() { return std::exchange(wait_s_, 0.0); }

 private:
  struct InFlight {
    size_t part;
    at::Tensor outgoing, gathered;
    std::vector<Ticket> tickets;
    int64_t bytes() const;
  };
  struct Copy {
    int64_t from, to, count;
  };

  std::vector<Copy> copies_of(size_t part, int64_t padded) const;
  int64_t padded_elements(size_t part) const;
  void finish_oldest();

  Communicator& world_;
  const FlatParameters& parameters_;
  const ChunkOwners& owners_;
  std::vector<TensorRange> parts_;
  std::deque<InFlight> in_flight_;
  int64_t bytes_ = 0, peak_bytes_ = 0;
  double wait_s_ = 0;
};

}  // namespace nextframe
