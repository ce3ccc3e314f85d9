// FSDP (ZeRO-3): parameters are sharded, all-gathered just before a block uses them and freed right
// after.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "model/block_runner.h"
#include "trainer/parallel/all_gather.h"

namespace nextframe {

/// Cuts the parameters into FSDP units: each block of the trunk ("blocks.<i>."), and whatever lies
/// before, between and after the blocks in the order of names. The parameters keep their tensors;
/// only their memory is allocated and freed. Between uses a rank holds nothing but its packed
/// shard.
class FsdpUnits {
 public:
  /// Frees the memory of `parameters`, whose values() are undefined from here on. `packed` is this
  /// rank's shard. All references must
  /// outlive this object.
  FsdpUnits(Communicator& world, FlatParameters& parameters, const ChunkOwners& owners,
            const at::Tensor& packed);

  int64_t num_blocks() const { return static_cast<int64_t>(unit_of_block_.size()); }

  /// Before a grain's forward: gathers everything outside of blocks, and begins with the first
  /// block. Collective, as all that follows: every rank makes the same calls in the same order.
  void begin_grain();

  /// Gathers a block, and begins to prefetch the block `next`, if there is one of that number.
  void gather_block(int64_t block, int64_t next);
  void free_block(int64_t block);

  /// Frees everything. Call it before the parameters change.
  void free_all();

  /// Runs `body` with all parameters gathered from the shards `packed` (FSDP's summon_full_params).
  void with_full_parameters(const at::Tensor& packed, const std::function<void()>& body);

  double take_wait_s() { return gather_.take_wait_s(); }
  int64_t peak_bytes() const { return peak_bytes_; }  // most memory of gathered units at a time
  int64_t gather_bytes() const { return gather_.peak_bytes(); }

 private:
  enum class State { freed, gathering, full };

  void start(size_t unit, const at::Tensor& packed);
  void gather(size_t unit, const at::Tensor& packed);
  void free(size_t unit);

  at::Tensor packed_;
  AllGather gather_;
  std::vector<at::Tensor> memory_;  // of each unit
  std::vector<State> states_;
  std::vector<int64_t> bytes_;
  std::vector<size_t> unit_of_block_;
  std::vector<bool> is_block_;  // of each unit
  bool keeps_full_ = false;     // in with_full_parameters()
  int64_t held_bytes_ = 0, peak_bytes_ = 0;
};

/// Runs a model's blocks with their parameters gathered around each call; the next block, in
/// forward or in backward, is prefetched meanwhile. Wraps another runner, which may recompute a
/// block in backward (activation checkpointing).
class FsdpRunner final : public BlockRunner {
 public:
  /// `units` outlives every backward through what run() returned.
  FsdpRunner(FsdpUnits& units, std::shared_ptr<BlockRunner> inner)
      : units_(units), inner_(std::move(inner)) {}

  at::Tensor run(int64_t index, const Block& block, const at::Tensor& hidden) override;

 private:
  FsdpUnits& units_;
  std::shared_ptr<BlockRunner> inner_;
};

}  // namespace nextframe
