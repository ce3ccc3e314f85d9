// This file is how values that are split over ranks become whole on every rank, a part of the flat
// buffers at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <utility>
#include <vector>

#include "launch/communicator.h"
#include "trainer/shards/chunk_owners.h"

namespace nextframe {

/// How a buffer holds what its rank owns.
enum class Held {
  whole,   // at the places of the flat buffers
  packed,  // as ChunkOwners packs them
};

class ValueGather {
 public:
  /// Parts of neighbouring tensors, each of about so many bytes of float32. All references outlive
  /// the gather.
  ValueGather(Communicator& world, const FlatParameters& parameters, const ChunkOwners& owners,
              int64_t part_bytes);

  /// Parts that are given: neighbours, all tensors together.
  ValueGather(Communicator& world, const FlatParameters& parameters, const ChunkOwners& owners,
              std::vector<TensorRange> parts);

  const ChunkOwners& owners() const { return owners_; }
  Communicator& world() const { return world_; }
  const std::vector<TensorRange>& parts() const { return parts_; }

  /// Begins to fill `whole`, which stands for the flat buffer from the part's first tensor on, with
  /// what each rank owns of `part` in its `source`. Collective. `whole` and `source` may be one
  /// buffer. Waits for an older one where two are under way already, so that memory stays bounded.
  void start(size_t part, const at::Tensor& source, Held held, const at::Tensor& whole);

  /// Waits for all that was started.
  void finish();

  /// Waits for a part, and for what was started before it.
  void finish(size_t part);

  /// All parts of a flat buffer, one after another. Collective.
  void fill(const at::Tensor& source, Held held, const at::Tensor& whole);

  /// Of a part's first tensor in the flat buffers, in elements.
  int64_t part_begin(size_t part) const;

  int64_t peak_bytes() const { return peak_bytes_; }  // most that was ever under way

  /// Seconds that were spent waiting since the last call of this function.
  double take_wait_s() { return std::exchange(wait_s_, 0.0); }

 private:
  struct UnderWay {
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
  std::deque<UnderWay> under_way_;
  int64_t bytes_ = 0, peak_bytes_ = 0;
  double wait_s_ = 0;
};

}  // namespace nextframe
