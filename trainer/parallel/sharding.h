// What `parallel.shard` (DDP, ZeRO-1, ZeRO-2, ZeRO-3/FSDP) does to a run: who owns what, and when
// it is gathered.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "model/world_model.h"
#include "trainer/parallel/all_gather.h"
#include "trainer/parallel/chunk_owners.h"
#include "trainer/parallel/fsdp.h"
#include "trainer/parallel/gradient_norm.h"
#include "trainer/parallel/gradient_sync.h"
#include "trainer/parallel/grain_owners.h"
#include "trainer/parallel/process_groups.h"

namespace nextframe {

class Sharding {
 public:
  /// Shards among groups.shard_group(): with `parallel.shard_group: node` every node has a whole
  /// copy. With Shard::parameters (FSDP), `parameters` gives up its values(). All references must
  /// outlive this object.
  Sharding(Shard shard, int64_t part_bytes, const ProcessGroups& groups, FlatParameters& parameters,
           const StaysWhole& stays_whole = nullptr);

  bool is_split() const { return owners_.has_value(); }

  /// Null when every rank holds everything.
  const ChunkOwners* owners() const { return owners_ ? &*owners_ : nullptr; }
  AllGather* gather() { return gather_ ? &*gather_ : nullptr; }  // null with fsdp()
  const FsdpUnits* fsdp() const { return fsdp_ ? &*fsdp_ : nullptr; }
  FsdpUnits* fsdp() { return fsdp_ ? &*fsdp_ : nullptr; }
  int64_t owner() const { return groups_.shard_group().rank(); }  // this rank's number in owners()

  /// The copy of the state that this rank holds, or holds a shard of.
  int64_t copy() const { return is_split() ? groups_.node() : groups_.all.rank(); }
  int64_t num_copies() const { return is_split() ? groups_.num_nodes() : groups_.all.size(); }

  /// This rank's shard of the parameters, with Shard::parameters; else undefined.
  const at::Tensor& packed_values() const { return packed_values_; }

  GrainOwners grain_owners(int64_t num_grains) const;
  std::unique_ptr<GradientSync> make_gradient_sync(int64_t num_grains, bool strict,
                                                   const BucketBytes& bytes) const;

  /// The norm of the gradient as GradientSync returns it. Collective where it is sharded; `control`
  /// moves host tensors.
  GradientNorm gradient_norm(const at::Tensor& gradient_sum, Communicator& control) const;

  /// Call these before a grain's forward and after the step's last backward: with FSDP they gather
  /// and free parameters.
  void begin_grain();
  void end_backward();

  /// Waits until all-gathers in flight have arrived. Returns the seconds waited for all-gathers
  /// since the last call.
  double finish_gathering();

  int64_t gathered_bytes() const;  // largest size of all-gathers in flight at the same time

 private:
  Shard shard_;
  ProcessGroups groups_;
  const FlatParameters& parameters_;
  std::optional<ChunkOwners> owners_;
  at::Tensor packed_values_;
  std::optional<AllGather> gather_;
  std::optional<FsdpUnits> fsdp_;
};

/// Makes the model run its blocks with `runner` (null: plain calls), inside an FsdpRunner where
/// parameters are sharded. Throws UsageError, with the model's `name`, if it has no such blocks.
void run_blocks(Model& model, const std::string& name, Sharding& sharding,
                std::shared_ptr<BlockRunner> runner);

}  // namespace nextframe
