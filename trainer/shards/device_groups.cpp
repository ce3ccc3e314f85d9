#include "trainer/shards/device_groups.h"

#include "trainer/exit_code.h"

namespace nextframe {
namespace {

/// Among how many ranks `parallel.shard` splits.
int64_t num_owners(const World& world, const ParallelConfig& config) {
  if (config.shard_group != "node" || config.shard == "none") return world.size();
  const auto& nodes = world.nodes();
  if (!nodes.problem.empty())
    throw UsageError("parallel.shard_group = node: " + nodes.problem + "; or take world");
  return nodes.ranks_per_node;
}

}  // namespace

DeviceGroups::DeviceGroups(const World& world, const ParallelConfig& config)
    : shard_(parse_shard(config.shard, num_owners(world, config))),
      all_(world.make_device_communicator("gradients")) {
  const bool is_in_nodes =
      shard_ == Shard::none ? config.reduce == "strict" : config.shard_group == "node";
  if (is_in_nodes && world.nodes().has_two_levels()) {
    make_levels(world);
    return;
  }
  if (shard_ == Shard::parameters) gathers_ = world.make_device_communicator("parameters");
  groups_ = std::make_unique<RankGroups>(*all_, gathers_ ? *gathers_ : *all_);
}

/// What comes back has a communicator of its own, so that it does not hold up what goes out.
void DeviceGroups::make_levels(const World& world) {
  inside_ = world.make_device_communicator("gradients", RankGroup::node);
  across_ = world.make_device_communicator("gradients", RankGroup::across);
  gathers_ = world.make_device_communicator(shard_ == Shard::none ? "gradients back" : "parameters",
                                            RankGroup::node);
  groups_ = std::make_unique<RankGroups>(*all_, *inside_, *across_, *gathers_);
}

}  // namespace nextframe
