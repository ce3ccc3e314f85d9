// How a job's ranks are spread over nodes: the number of nodes, and of ranks on each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

/// Rank r is at place r % ranks_per_node of node r / ranks_per_node.
struct NodeGrid {
  int64_t num_nodes = 1;
  int64_t ranks_per_node = 1;
  std::string problem;  // why ranks do not form such a grid; then all count as one node

  int64_t node(int64_t rank) const { return rank / ranks_per_node; }
  int64_t place(int64_t rank) const { return rank % ranks_per_node; }

  /// Whether there are several nodes with several ranks each, so that collectives can have two
  /// levels.
  bool has_two_levels() const { return num_nodes > 1 && ranks_per_node > 1; }
};

/// `host_of_rank`: a number for each rank, equal for ranks of one host.
NodeGrid make_node_grid(const std::vector<int64_t>& host_of_rank);

}  // namespace nextframe
