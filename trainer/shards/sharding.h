// This file is what `parallel.shard` means on the ranks that there are: who owns what, and how it
// becomes whole again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "model/world_model.h"
#include "trainer/gradients/gradient_norm.h"
#include "trainer/gradients/gradient_sync.h"
#include "trainer/gradients/grain_owners.h"
#include "trainer/shards/chunk_owners.h"
#include "trainer/shards/parameter_sections.h"
#include "trainer/shards/rank_groups.h"
#include "trainer/shards/value_gather.h"

namespace nextframe {

/// What a rank does not hold whole; each kind splits what the ones before it split, too.
enum class Shard { none, optimizer, gradients, parameters };

/// `parallel.shard` among so many ranks: a rank alone has nothing to split.
Shard parse_shard(const std::string& shard, int64_t num_ranks);

class Sharding {
 public:
  /// What is split is split among groups.nearest(), so on two levels there is a copy on every node.
  /// With Shard::parameters, `parameters` is left without values. All references outlive this.
  Sharding(Shard shard, int64_t part_bytes, const RankGroups& groups, FlatParameters& parameters);

  bool is_split() const { return owners_.has_value(); }

  /// Null when every rank holds everything.
  const ChunkOwners* owners() const { return owners_ ? &*owners_ : nullptr; }
  ValueGather* gather() { return gather_ ? &*gather_ : nullptr; }  // null with sections()
  const ParameterSections* sections() const { return sections_ ? &*sections_ : nullptr; }
  ParameterSections* sections() { return sections_ ? &*sections_ : nullptr; }
  int64_t owner() const { return groups_.nearest().rank(); }  // what this rank is in owners()
  int64_t copy() const { return groups_.node(); }  // of num_copies() that there are of all
  int64_t num_copies() const { return groups_.num_nodes(); }

  /// What this rank owns of the parameters, if they are nowhere whole.
  const at::Tensor& packed_values() const { return packed_values_; }

  GrainOwners grain_owners(int64_t num_grains) const;
  std::unique_ptr<GradientSync> make_gradient_sync(int64_t num_grains, bool strict,
                                                   const BucketBytes& bytes) const;

  /// Of the gradient as GradientSync returns it. Collective where it is split; `control` moves host
  /// tensors.
  GradientNorm gradient_norm(const at::Tensor& gradient_sum, Communicator& control) const;

  /// Before a grain's forward, and after the step's last backward: parameters come and go.
  void begin_grain();
  void end_backward();

  /// Waits until what is being gathered has arrived. Returns the seconds waited since the last
  /// call, here and before.
  double finish_gathering();

  int64_t gathered_bytes() const;  // most that was on its way at a time

 private:
  Shard shard_;
  RankGroups groups_;
  const FlatParameters& parameters_;
  std::optional<ChunkOwners> owners_;
  at::Tensor packed_values_;
  std::optional<ValueGather> gather_;
  std::optional<ParameterSections> sections_;
};

/// Lets `runner` (null: one that just calls) run the blocks of a model, with their parameters
/// gathered around it where they are split. Throws UsageError that names the model, which has no
/// such blocks.
void run_blocks(WorldModel& model, const std::string& name, Sharding& sharding,
                std::shared_ptr<BlockRunner> runner);

}  // namespace nextframe
