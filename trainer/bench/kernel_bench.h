// Times the fused operations of a training step, and attention, beside LibTorch's own, in one
// process, alternating.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/attention.h"

namespace nextframe {

/// Medians over rounds.
struct OperationBench {
  std::string name;
  double ours_s = 0;
  double theirs_s = 0;  // LibTorch's operations, fused where it has a fused one
  double ratio() const { return theirs_s / ours_s; }
};

/// Each operation forward and, where it has a gradient, backward, on the shapes of a
/// ball_and_paddle grain: 1,005 tokens of 128 values, 15 frames of 64x64; a million parameters. One
/// thread. Calls `done` after each.
void bench_operations(int64_t rounds, const std::function<void(const OperationBench&)>& done);

/// Forward and backward of one shape; medians over rounds.
struct AttentionBench {
  std::string name;  // attention/fwd+bwd/bf16/T16-D64
  double ours_s = 0;
  double flash_s = 0;  // at::scaled_dot_product_attention by LibTorch's flash kernel
  double math_s = 0;   // the same, written out in LibTorch's operations
  double ratio() const { return (flash_s < math_s ? flash_s : math_s) / ours_s; }
};

/// Short causal sequences (T = 16, 32, 64 of 16,384 positions in all) and frame-causal clips (1,024
/// tokens in frames of 64), 4 heads of 32 and 64 values, float32 and bfloat16, one thread. LibTorch
/// is given contiguous [S, K, T, F]; ours reads the same, or with `in_place` the middle of packed
/// projections [B, T, N, 3, K, F], as in a model. Calls `done` after each.
void bench_attention(int64_t rounds, bool in_place,
                     const std::function<void(const AttentionBench&)>& done);

}  // namespace nextframe
