// Runs the blocks of a trunk: plainly, again in backward (activation checkpointing), or with their
// parameters gathered first (FSDP).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace nextframe {

/// The default just calls the block. With gradients, a block is a pure function of its input
/// and of the parameters of module "blocks.<index>", so a runner may run it twice and get the
/// same bits. Without gradients it must run once, because it may append to a KV cache.
class BlockRunner {
 public:
  using Part = std::function<at::Tensor(const at::Tensor& hidden)>;

  /// A block as one function, or as two that a runner may treat separately.
  struct Block {
    Part attention;     // the first part; empty if the block is one function
    Part feed_forward;  // the second part, or the whole block
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
