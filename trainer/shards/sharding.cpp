#include "trainer/shards/sharding.h"

#include "kernels/torch.h"
#include "trainer/exit_code.h"
#include "trainer/gradients/round_exchange.h"
#include "trainer/gradients/step_exchange.h"
#include "trainer/shards/gathering_runner.h"

namespace nextframe {

Shard parse_shard(const std::string& shard, int64_t num_ranks) {
  if (shard == "none" || num_ranks == 1) return Shard::none;
  if (shard == "optimizer") return Shard::optimizer;
  if (shard == "gradients") return Shard::gradients;
  TORCH_CHECK(shard == "parameters", "parallel.shard '", shard, "' is not known");
  return Shard::parameters;
}

Sharding::Sharding(Shard shard, int64_t part_bytes, const RankGroups& groups,
                   FlatParameters& parameters)
    : shard_(shard), groups_(groups), parameters_(parameters) {
  if (shard == Shard::none) return;
  owners_.emplace(parameters, groups.nearest().size());
  if (shard == Shard::parameters) {
    packed_values_ = owners_->pack(parameters.values(), owner());
    sections_.emplace(groups.gathers, parameters, *owners_, packed_values_);
  } else {
    gather_.emplace(groups.gathers, parameters, *owners_, part_bytes);
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
    return std::make_unique<RoundExchange>(groups_, grains, strict, *owners_, parameters_, bytes);
  }
  auto sync = std::make_unique<StepExchange>(groups_, num_grains, strict, owners());
  sync->follow(parameters_, bytes);
  return sync;
}

GradientNorm Sharding::gradient_norm(const at::Tensor& gradient_sum, Communicator& control) const {
  return is_split() ? nextframe::gradient_norm(parameters_, *owners_, gradient_sum, control)
                    : nextframe::gradient_norm(parameters_, gradient_sum);
}

void Sharding::begin_grain() {
  if (sections_) sections_->begin_grain();
}

void Sharding::end_backward() {
  if (sections_) sections_->release_all();
}

double Sharding::finish_gathering() {
  if (sections_) return sections_->take_wait_s();
  if (!gather_) return 0;
  gather_->finish();
  return gather_->take_wait_s();
}

int64_t Sharding::gathered_bytes() const {
  if (sections_) return sections_->gather_bytes();
  return gather_ ? gather_->peak_bytes() : 0;
}

void run_blocks(WorldModel& model, const std::string& name, Sharding& sharding,
                std::shared_ptr<BlockRunner> runner) {
  auto* sections = sharding.sections();
  if (runner == nullptr) runner = std::make_shared<BlockRunner>();
  if (sections != nullptr) runner = std::make_shared<GatheringRunner>(*sections, std::move(runner));
  const bool has_blocks = model.run_blocks_with(std::move(runner));
  if (has_blocks && (sections == nullptr || sections->num_blocks() > 0)) return;
  throw UsageError("parallel.shard = parameters: model " + name +
                   " has no trunk of blocks whose parameters could be gathered one after another "
                   "(docs/add-a-model.md); take gradients");
}

}  // namespace nextframe
