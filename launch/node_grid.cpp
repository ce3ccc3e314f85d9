#include "launch/node_grid.h"

#include <set>

namespace nextframe {
namespace {

constexpr char kEqualNodes[] =
    "; start as many ranks on every host, neighbours together (mpirun --map-by slot, with the same "
    "number of slots a host)";

struct Stretch {
  int64_t host, first, count;
};

/// Neighbours on one host.
std::vector<Stretch> stretches_of(const std::vector<int64_t>& host_of_rank) {
  std::vector<Stretch> stretches;
  for (size_t rank = 0; rank < host_of_rank.size(); ++rank) {
    if (rank == 0 || host_of_rank[rank] != host_of_rank[rank - 1])
      stretches.push_back({host_of_rank[rank], static_cast<int64_t>(rank), 0});
    ++stretches.back().count;
  }
  return stretches;
}

std::string ranks_of(const Stretch& stretch) {
  return stretch.count == 1 ? "rank " + std::to_string(stretch.first)
                            : "ranks " + std::to_string(stretch.first) + " to " +
                                  std::to_string(stretch.first + stretch.count - 1);
}

}  // namespace

NodeGrid make_node_grid(const std::vector<int64_t>& host_of_rank) {
  const auto stretches = stretches_of(host_of_rank);
  NodeGrid grid{1, static_cast<int64_t>(host_of_rank.size()), ""};
  std::set<int64_t> seen;
  for (const auto& stretch : stretches) {
    if (!seen.insert(stretch.host).second) {
      grid.problem =
          ranks_of(stretch) + " and the host's other ranks are not neighbours" + kEqualNodes;
      return grid;
    }
  }
  for (const auto& stretch : stretches) {
    if (stretch.count == stretches.front().count) continue;
    grid.problem = "one host has " + ranks_of(stretches.front()) + ", another has " +
                   ranks_of(stretch) + kEqualNodes;
    return grid;
  }
  grid.num_nodes = static_cast<int64_t>(stretches.size());
  grid.ranks_per_node /= grid.num_nodes;
  return grid;
}

}  // namespace nextframe
