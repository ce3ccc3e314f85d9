// Runs the blocks of a trunk: plainly, again in backward (activation checkpointing), or with their
// parameters gathered first (FSDP).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace nextframe {

/// The default just calls. A block is a pure function of its input and of the parameters of the
/// module "blocks.<index>", so a runner may run it twice and get the same bits. Without gradients
/// it is run once: it may add to what a rollout remembers.
class BlockRunner {
 public:
  using Part = std::function<at::Tensor(const at::Tensor& hidden)>;

  /// A block as one function, or as two that a runner may treat apart.
  struct Block {
    Part attention;     // first; empty in a block that is not cut
    Part feed_forward;  // what follows, or all of the block
    at::Tensor operator()(const at::Tensor& hidden) const {
      return feed_forward(attention ? attention(hidden) : hidden);
    }
  };

  virtual ~BlockRunner() = default;

  virtual at::Tensor run(int64_t /*index*/, const Block& block, const at::Tensor& hidden) {
    return block(hidden);
  }
};

}  // namespace nextframe
