// Process groups for parallel training: all ranks, or two levels as in hybrid sharding (HSDP),
// where state is sharded within a node and replicated across nodes.
#pragma once

#include <memory>
#include <string>

#include "launch/communicator.h"
#include "launch/world.h"
#include "trainer/trainer_config.h"

namespace nextframe {

/// What each rank holds only a part of (`parallel.shard`). Each kind shards what the ones before it
/// shard, too.
enum class Shard {
  none,        // plain data parallelism (DDP)
  optimizer,   // ZeRO-1
  gradients,   // ZeRO-2
  parameters,  // ZeRO-3, FSDP
};

/// Parses `parallel.shard`. Among one rank there is nothing to shard: Shard::none.
Shard parse_shard(const std::string& shard, int64_t num_ranks);

/// References to the communicators that a step uses for device tensors; these outlive it. On one
/// level `intra_node` and `inter_node` are null.
struct ProcessGroups {
  ProcessGroups(Communicator& everybody, Communicator& gathering)
      : all(everybody), gather(gathering) {}
  ProcessGroups(
      Communicator& everybody)  // NOLINT(google-explicit-constructor): one level is a world
      : ProcessGroups(everybody, everybody) {}
  ProcessGroups(Communicator& everybody, Communicator& node, Communicator& place,
                Communicator& gathering)
      : all(everybody), intra_node(&node), inter_node(&place), gather(gathering) {}

  Communicator& all;                   // rank = node * ranks per node + place on the node
  Communicator* intra_node = nullptr;  // the ranks of this node; its rank is the place
  Communicator* inter_node = nullptr;  // the ranks with this place; its rank is the node
  /// For all-gathers among shard_group(). It may be one of the others, but all-gathers then queue
  /// behind that group's reductions.
  Communicator& gather;

  bool has_two_levels() const { return inter_node != nullptr; }
  int64_t num_nodes() const { return has_two_levels() ? inter_node->size() : 1; }
  int64_t node() const { return has_two_levels() ? inter_node->rank() : 0; }
  /// The ranks among which state is sharded and sums are scattered first: the node's, or all.
  Communicator& shard_group() const { return has_two_levels() ? *intra_node : all; }
};

/// Creates and owns the process groups that a run's config asks for. All ranks make one, in the
/// same order; `world` outlives it. Names of groups that carry gradients begin with "gradients".
class DeviceGroups {
 public:
  /// Throws UsageError where state is to be sharded within nodes, but nodes have unequal numbers of
  /// ranks.
  DeviceGroups(const World& world, const ParallelConfig& config);

  Shard shard() const { return shard_; }
  const ProcessGroups& groups() const { return *groups_; }

 private:
  void make_levels(const World& world);

  Shard shard_;
  std::unique_ptr<Communicator> all_, intra_node_, inter_node_, gather_;
  std::unique_ptr<ProcessGroups> groups_;
};

}  // namespace nextframe
