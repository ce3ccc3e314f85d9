// Running sums: statistics of the training data that follow a run without a gradient, the same bits
// on any number of ranks.
//
// Such a statistic is a parameter whose last name begins with "running_". Its "gradient" is what a
// grain adds to it. So it travels through the same tree of sums as gradients, is sharded,
// checkpointed and part of the digest like them; the optimizer has a rule of its own for it
// (trainer/optimizer/running_sum_rule.cpp):
//
// One whose name ends with "codebook" is [V, E + 1]: rows of a sum and a count, whose dead codes
// are revived.
//
//   value <- decay value + (1 - decay) sum over all grains,   decay = min(0.99, step / (step + 10))
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace nextframe {

inline constexpr double kRunningDecay = 0.99;

/// Whether a parameter of this name is a running sum: "running_usage", "vq.running_codebook".
bool is_running_sum(const std::string& parameter);

/// A scalar 0, to be added to the loss: in backward `sums` arrive as the gradient of `statistic`, a
/// parameter of the same shape. Backward has to begin at the loss with a gradient of 1, as it does
/// in training.
at::Tensor carry(const at::Tensor& statistic, const at::Tensor& sums);

}  // namespace nextframe
