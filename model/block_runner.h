// This file is the seam between a trunk and whoever runs its blocks: plainly, again in backward
// (recompute), or after gathering their parameters.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace nextframe {

/// The default just calls. A block is a pure function of its input and of the parameters of the
/// module "blocks.<index>", so a runner may run it twice and get the same bits. Without gradients
/// it is run once: it may add to what a rollout remembers.
class BlockRunner {
 public:
  using Block = std::function<at::Tensor(const at::Tensor& hidden)>;

  virtual ~BlockRunner() = default;

  virtual at::Tensor run(int64_t /*index*/, const Block& block, const at::Tensor& hidden) {
    return block(hidden);
  }
};

}  // namespace nextframe
