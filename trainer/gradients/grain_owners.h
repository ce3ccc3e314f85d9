// This file is which rank works on which grains of a step.
#pragma once

#include <cstdint>
#include <utility>

#include "kernels/base/fixed_tree.h"

namespace nextframe {

/// Neighbouring grains a rank, so that it finishes as much of the tree as it can; or grains dealt
/// in rounds of one a rank, so that each round's gradients can be summed before the next. Of
/// several nodes each has neighbouring grains, dealt to its ranks: then it finishes much of the
/// tree alone.
struct GrainOwners {
  int64_t num_grains = 1;
  int64_t num_ranks = 1;
  bool is_dealt = false;
  int64_t num_nodes = 1;  // of equally many neighbouring ranks

  int64_t first(int64_t rank) const {
    return is_dealt ? node_grains(node(rank)).first + rank % stride() : stretch(rank).first;
  }
  int64_t end(int64_t rank) const {  // behind the last that may be the rank's
    return is_dealt ? node_grains(node(rank)).second : stretch(rank).second;
  }
  int64_t stride() const { return is_dealt ? num_ranks / num_nodes : 1; }
  int64_t count(int64_t rank) const { return (end(rank) - first(rank) + stride() - 1) / stride(); }

  /// The `index`-th of a rank's grains, ascending; num_grains where it has none.
  int64_t grain(int64_t rank, int64_t index) const {
    const int64_t grain = first(rank) + index * stride();
    return grain < end(rank) ? grain : num_grains;
  }

  int64_t rank_of(int64_t grain) const {
    if (!is_dealt) return owner_of(grain, num_ranks);
    const int64_t node = owner_of(grain, num_nodes);
    return node * stride() + (grain - node_grains(node).first) % stride();
  }

  /// The grains [first, last) of a node.
  std::pair<int64_t, int64_t> node_grains(int64_t node) const {
    return owned_leaves(num_grains, node, num_nodes);
  }

  /// Of the node that has most grains.
  int64_t num_rounds() const {
    const int64_t most = (num_grains + num_nodes - 1) / num_nodes;
    const int64_t ranks = num_ranks / num_nodes;
    return (most + ranks - 1) / ranks;
  }

  /// Forwards and backwards of a rank: where grains are dealt, all take part in every round, if
  /// only for the sake of the others.
  int64_t num_passes(int64_t rank) const { return is_dealt ? num_rounds() : count(rank); }

 private:
  int64_t node(int64_t rank) const { return rank * num_nodes / num_ranks; }
  std::pair<int64_t, int64_t> stretch(int64_t rank) const {
    return owned_leaves(num_grains, rank, num_ranks);
  }
  /// The last of `count` that begins at or before the grain.
  int64_t owner_of(int64_t grain, int64_t count) const {
    return ((grain + 1) * count - 1) / num_grains;
  }
};

}  // namespace nextframe
