#include "trainer/parallel/process_groups.h"

#include "kernels/torch.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

/// The number of ranks among which state is sharded.
int64_t shard_group_size(const World& world, const ParallelConfig& config) {
  if (config.shard_group != "node" || config.shard == "none") return world.size();
  const auto& nodes = world.nodes();
  if (!nodes.problem.empty())
    throw UsageError("parallel.shard_group = node: " + nodes.problem + "; or take world");
  return nodes.ranks_per_node;
}

}  // namespace

Shard parse_shard(const std::string& shard, int64_t num_ranks) {
  if (shard == "none" || num_ranks == 1) return Shard::none;
  if (shard == "optimizer") return Shard::optimizer;
  if (shard == "gradients") return Shard::gradients;
  TORCH_CHECK(shard == "parameters", "parallel.shard '", shard, "' is not known");
  return Shard::parameters;
}

DeviceGroups::DeviceGroups(const World& world, const ParallelConfig& config)
    : shard_(parse_shard(config.shard, shard_group_size(world, config))),
      all_(world.make_device_communicator("gradients")) {
  const bool is_in_nodes =
      shard_ == Shard::none ? config.reduce == "strict" : config.shard_group == "node";
  if (is_in_nodes && world.nodes().has_two_levels()) {
    make_levels(world);
    return;
  }
  if (shard_ == Shard::parameters) gather_ = world.make_device_communicator("parameters");
  groups_ = std::make_unique<ProcessGroups>(*all_, gather_ ? *gather_ : *all_);
}

/// All-gathers get their own communicator, so that they do not queue behind reductions.
void DeviceGroups::make_levels(const World& world) {
  intra_node_ = world.make_device_communicator("gradients", RankGroup::intra_node);
  inter_node_ = world.make_device_communicator("gradients", RankGroup::inter_node);
  gather_ = world.make_device_communicator(shard_ == Shard::none ? "gradients back" : "parameters",
                                           RankGroup::intra_node);
  groups_ = std::make_unique<ProcessGroups>(*all_, *intra_node_, *inter_node_, *gather_);
}

}  // namespace nextframe
