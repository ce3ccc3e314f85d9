// This file is the communicators of device tensors that a step uses: among all ranks, or on two
// levels, within nodes and across them.
#pragma once

#include "launch/communicator.h"

namespace nextframe {

/// References and pointers outlive it. On one level `inside` and `across` are null.
struct RankGroups {
  RankGroups(Communicator& everybody, Communicator& gathering)
      : all(everybody), gathers(gathering) {}
  RankGroups(Communicator& everybody)  // NOLINT(google-explicit-constructor): one level is a world
      : RankGroups(everybody, everybody) {}
  RankGroups(Communicator& everybody, Communicator& node, Communicator& place,
             Communicator& gathering)
      : all(everybody), inside(&node), across(&place), gathers(gathering) {}

  Communicator& all;               // rank = node * ranks a node + place
  Communicator* inside = nullptr;  // the ranks of this node, by place
  Communicator* across = nullptr;  // the ranks at this place, by node
  Communicator& gathers;  // what comes back: as `inside` on two levels, else as `all`; it may be
                          // one of these, but then waits for what goes out

  bool has_two_levels() const { return across != nullptr; }
  int64_t num_nodes() const { return has_two_levels() ? across->size() : 1; }
  int64_t node() const { return has_two_levels() ? across->rank() : 0; }
  /// Among whom a sum is dealt first: the node's ranks, or all.
  Communicator& nearest() const { return has_two_levels() ? *inside : all; }
};

}  // namespace nextframe
