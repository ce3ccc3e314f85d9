// This file is which rank owns which chunks of the flat buffers, where state is split over ranks.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/gradients/flat_parameters.h"

namespace nextframe {

/// Consecutive chunks of one tensor that one rank owns.
struct ChunkSpan {
  int64_t tensor = 0;       // index into FlatParameters::layout()
  int64_t first_chunk = 0;  // index into FlatParameters::chunks()
  int64_t first = 0;        // of its elements in the flattened tensor
  int64_t count = 0;        // elements
  int64_t flat_offset = 0;  // of its first element in a whole flat buffer
  int64_t offset = 0;       // the same in its owner's packed buffer
};

/// Neighbours [first, last) in FlatParameters::layout().
struct TensorRange {
  int64_t first = 0, last = 0;
  bool contains(const ChunkSpan& span) const { return span.tensor >= first && span.tensor < last; }
};

/// Deals chunks to ranks in the order of names, each to the rank that has the fewest elements:
/// every part of the model is spread over all ranks, and no rank has a chunk more than another by
/// size. What a rank has of one tensor lies together. With one rank, its packed buffer is the whole
/// one.
class ChunkOwners {
 public:
  ChunkOwners(const FlatParameters& parameters, int64_t num_ranks);

  int64_t num_ranks() const { return static_cast<int64_t>(spans_.size()); }

  /// Of a rank, in the order of names.
  const std::vector<ChunkSpan>& spans(int64_t rank) const {
    return spans_[static_cast<size_t>(rank)];
  }
  std::vector<ChunkSpan> spans(int64_t rank, const TensorRange& tensors) const;

  /// What a rank owns of a whole flat buffer.
  at::Tensor pack(const at::Tensor& whole, int64_t rank) const;

  /// Length of a rank's packed buffer, alignment included.
  int64_t packed_elements(int64_t rank) const { return packed_[static_cast<size_t>(rank)]; }

 private:
  void deal(const FlatParameters& parameters, int64_t tensor, int64_t first_chunk,
            std::vector<int64_t>& loads);
  void give(int64_t rank, ChunkSpan span);

  std::vector<std::vector<ChunkSpan>> spans_;  // by rank
  std::vector<int64_t> packed_;
};

}  // namespace nextframe
