// Which rank computes which grains (microbatches) of a step.
#pragma once

#include <cstdint>
#include <utility>

#include "kernels/base/fixed_tree.h"

namespace nextframe {

/// Either each rank has neighbouring grains, so that it can add up as much of the tree as possible
/// alone. Or (ZeRO-2 and ZeRO-3) grains are dealt in rounds of one grain a rank, so that the
/// gradients of each round are summed before the next. With several nodes, each node has
/// neighbouring grains, which are dealt to its ranks.
struct GrainOwners {
  int64_t num_grains = 1;
  int64_t num_ranks = 1;
  bool is_dealt = false;
  int64_t num_nodes = 1;  // with equally many neighbouring ranks each

  int64_t first(int64_t rank) const {
    return is_dealt ? node_grains(node(rank)).first + rank % stride() : stretch(rank).first;
  }
  int64_t end(int64_t rank) const {  // one past the last that may be the rank's
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

  /// Rounds that the node with most grains needs.
  int64_t num_rounds() const {
    const int64_t most = (num_grains + num_nodes - 1) / num_nodes;
    const int64_t ranks = num_ranks / num_nodes;
    return (most + ranks - 1) / ranks;
  }

  /// How many forward and backward passes a rank makes. Where grains are dealt, ranks without a
  /// grain in a round still take part, because its exchanges are collective.
  int64_t num_passes(int64_t rank) const { return is_dealt ? num_rounds() : count(rank); }

 private:
  int64_t node(int64_t rank) const { return rank * num_nodes / num_ranks; }
  std::pair<int64_t, int64_t> stretch(int64_t rank) const {
    return owned_leaves(num_grains, rank, num_ranks);
  }
  /// The last of `count` owners whose first grain is at or before `grain`.
  int64_t owner_of(int64_t grain, int64_t count) const {
    return ((grain + 1) * count - 1) / num_grains;
  }
};

}  // namespace nextframe
