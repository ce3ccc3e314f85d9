// This file is which rank works on which grains of a step.
#pragma once

#include <cstdint>

#include "kernels/base/fixed_tree.h"

namespace nextframe {

/// Neighbouring grains a rank, so that it finishes as much of the tree as it can; or grains dealt
/// in rounds of one a rank, so that each round's gradients can be summed before the next.
struct GrainOwners {
  int64_t num_grains = 1;
  int64_t num_ranks = 1;
  bool is_dealt = false;

  int64_t first(int64_t rank) const {
    return is_dealt ? rank : owned_leaves(num_grains, rank, num_ranks).first;
  }
  int64_t end(int64_t rank) const {  // behind the last that may be the rank's
    return is_dealt ? num_grains : owned_leaves(num_grains, rank, num_ranks).second;
  }
  int64_t stride() const { return is_dealt ? num_ranks : 1; }
  int64_t count(int64_t rank) const {
    const auto [begin, end] = owned_leaves(num_grains, rank, num_ranks);
    return is_dealt ? (num_grains - rank + num_ranks - 1) / num_ranks : end - begin;
  }

  /// The `index`-th of a rank's grains, ascending; num_grains or more where it has none.
  int64_t grain(int64_t rank, int64_t index) const { return first(rank) + index * stride(); }

  int64_t rank_of(int64_t grain) const {
    if (is_dealt) return grain % num_ranks;
    return ((grain + 1) * num_ranks - 1) / num_grains;  // the last that begins at or before it
  }

  int64_t num_rounds() const { return (num_grains + num_ranks - 1) / num_ranks; }

  /// Forwards and backwards of a rank: where grains are dealt, all take part in every round, if
  /// only for the sake of the others.
  int64_t num_passes(int64_t rank) const { return is_dealt ? num_rounds() : count(rank); }
};

}  // namespace nextframe
