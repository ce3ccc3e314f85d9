// Times the fused operations of a training step beside LibTorch's own, in one process, alternating.
#pragma once

#include <functional>
#include <string>

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

}  // namespace nextframe
