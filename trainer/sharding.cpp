#include "trainer/sharding.h"

#include "trainer/gradient_norm.h"

namespace nextframe {

Sharding::Sharding(const std::string& shard, int64_t part_bytes, Communicator& world,
                   const FlatParameters& parameters)
    : parameters_(parameters) {
  if (shard == "none" || world.size() == 1) return;
  owners_.emplace(parameters, world.size());
  gather_.emplace(world, parameters, *owners_, part_bytes);
}

double Sharding::gradient_norm(const at::Tensor& gradient_sum, Communicator& control) const {
  return is_split() ? nextframe::gradient_norm(parameters_, *owners_, gradient_sum, control)
                    : nextframe::gradient_norm(parameters_, gradient_sum);
}

double Sharding::finish_gathering() {
  if (!gather_) return 0;
  gather_->finish();
  return gather_->take_wait_s();
}

}  // namespace nextframe
