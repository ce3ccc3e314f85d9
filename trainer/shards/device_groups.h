// This file is the communicators that a run's config asks for, on the nodes that there are.
#pragma once

#include <memory>

#include "launch/world.h"
#include "trainer/shards/rank_groups.h"
#include "trainer/shards/sharding.h"
#include "trainer/trainer_config.h"

namespace nextframe {

/// All ranks make one, in the same order; `world` outlives it. The names of all that carry
/// gradients begin with "gradients".
class DeviceGroups {
 public:
  /// UsageError where state is to be split within nodes and the ranks do not stand in a grid.
  DeviceGroups(const World& world, const ParallelConfig& config);

  Shard shard() const { return shard_; }
  const RankGroups& groups() const { return *groups_; }

 private:
  void make_levels(const World& world);

  Shard shard_;
  std::unique_ptr<Communicator> all_, inside_, across_, gathers_;
  std::unique_ptr<RankGroups> groups_;
};

}  // namespace nextframe
