// Which rank owns which part of parameters, gradients and optimizer state, where ZeRO or FSDP
// shards them.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "trainer/parallel/flat_parameters.h"

namespace nextframe {

/// Consecutive chunks of one tensor that one rank owns.
struct ChunkSpan {
  int64_t tensor = 0;       // index into FlatParameters::layout()
  int64_t first_chunk = 0;  // index into FlatParameters::chunks()
  int64_t first = 0;        // its first element in the flattened tensor
  int64_t count = 0;        // elements
  int64_t flat_offset = 0;  // of its first element in a flat buffer
  int64_t offset = 0;       // of its first element in its owner's packed buffer
};

/// The tensors [first, last) of FlatParameters::layout().
struct TensorRange {
  int64_t first = 0, last = 0;
  bool contains(const ChunkSpan& span) const { return span.tensor >= first && span.tensor < last; }
};

/// Whether all chunks of a tensor, an index into FlatParameters::layout(), belong to one owner.
using StaysWhole = std::function<bool(int64_t tensor)>;

/// Deals chunks to ranks, tensor by tensor in the order of names, each to the rank that has fewest
/// elements so far. So every part of the model is spread over all ranks, and their loads differ by
/// at most one chunk, or the largest tensor that stays whole. A rank's chunks of one tensor are
/// contiguous. For one rank, the packed buffer is the flat one.
class ChunkOwners {
 public:
  ChunkOwners(const FlatParameters& parameters, int64_t num_ranks,
              const StaysWhole& stays_whole = nullptr);

  int64_t num_ranks() const { return static_cast<int64_t>(spans_.size()); }

  /// What a rank owns, in the order of names.
  const std::vector<ChunkSpan>& spans(int64_t rank) const {
    return spans_[static_cast<size_t>(rank)];
  }
  std::vector<ChunkSpan> spans(int64_t rank, const TensorRange& tensors) const;

  /// Copies what a rank owns out of a flat buffer.
  at::Tensor pack(const at::Tensor& flat, int64_t rank) const;

  /// Length of a rank's packed buffer, with padding.
  int64_t packed_elements(int64_t rank) const { return packed_[static_cast<size_t>(rank)]; }

 private:
  void deal(const FlatParameters& parameters, int64_t tensor, int64_t first_chunk,
            int64_t piece_elements, std::vector<int64_t>& loads);
  void give(int64_t rank, ChunkSpan span);

  std::vector<std::vector<ChunkSpan>> spans_;  // by rank
  std::vector<int64_t> packed_;
};

}  // namespace nextframe
