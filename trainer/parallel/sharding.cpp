#include "trainer/parallel/sharding.h"

#include "kernels/torch.h"
#include "trainer/exit_code.h"
#include "trainer/parallel/ddp.h"
#include "trainer/parallel/zero2.h"

namespace nextframe {

Sharding::Sharding(Shard shard, int64_t part_bytes, const ProcessGroups& groups,
                   FlatParameters& parameters, const StaysWhole& stays_whole)
    : shard_(shard), groups_(groups), parameters_(parameters) {
  if (shard == Shard::none) return;
  owners_.emplace(parameters, groups.shard_group().size(), stays_whole);
  if (shard == Shard::parameters) {
    packed_values_ = owners_->pack(parameters.values(), owner());
    fsdp_.emplace(groups.gather, parameters, *owners_, packed_values_);
  } else {
    gather_.emplace(groups.gather, parameters, *owners_, part_bytes);
  }
}

GrainOwners Sharding::grain_owners(int64_t num_grains) const {
  const bool is_dealt = shard_ == Shard::gradients || shard_ == Shard::parameters;
  return {num_grains, groups_.all.size(), is_dealt, is_dealt ? groups_.num_nodes() : 1};
}

std::unique_ptr<GradientSync> Sharding::make_gradient_sync(int64_t num_grains, bool strict,
                                                           const BucketBytes& bytes) const {
  const auto grains = grain_owners(num_grains);
  if (grains.is_dealt) {
    return std::make_unique<Zero2Sync>(groups_, grains, strict, *owners_, parameters_, bytes);
  }
  auto sync = std::make_unique<DdpSync>(groups_, num_grains, strict, owners());
  sync->overlap_backward(parameters_, bytes);
  return sync;
}

GradientNorm Sharding::gradient_norm(const at::Tensor& gradient_sum, Communicator& control) const {
  return is_split() ? nextframe::gradient_norm(parameters_, *owners_, gradient_sum, control)
                    : nextframe::gradient_norm(parameters_, gradient_sum);
}

void Sharding::begin_grain() {
  if (fsdp_) fsdp_->begin_grain();
}

void Sharding::end_backward() {
  if (fsdp_) fsdp_->free_all();
}

double Sharding::finish_gathering() {
  if (fsdp_) return fsdp_->take_wait_s();
  if (!gather_) return 0;
  gather_->finish();
  return gather_->take_wait_s();
}

int64_t Sharding::gathered_bytes() const {
  if (fsdp_) return fsdp_->gather_bytes();
  return gather_ ? gather_->peak_bytes() : 0;
}

void run_blocks(Model& model, const std::string& name, Sharding& sharding,
                std::shared_ptr<BlockRunner> runner) {
  auto* units = sharding.fsdp();
  if (runner == nullptr) runner = std::make_shared<BlockRunner>();
  if (units != nullptr) runner = std::make_shared<FsdpRunner>(*units, std::move(runner));
  const bool has_blocks = model.run_blocks_with(std::move(runner));
  if (has_blocks && (units == nullptr || units->num_blocks() > 0)) return;
  throw UsageError("parallel.shard = parameters: model " + name +
                   " has no trunk of blocks whose parameters could be gathered one after another "
                   "(docs/add-a-model.md); take gradients");
}

}  // namespace nextframe
