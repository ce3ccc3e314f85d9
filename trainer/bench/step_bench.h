// Times one grain's forward and backward: how much of it is matrix products, and which operations
// take the rest.
#pragma once

#include <vector>

#include "model/world_model.h"
#include "trainer/bench/operation_times.h"

namespace nextframe {

struct StepBench {
  double grain_s = 0;  // median of the rounds: forward, backward, gradients into their buffer
  int64_t from_system_bytes = 0;  // memory that the rounds allocated from the system
  double flops = 0;           // of a grain's products and attention; 0 if the model does not know
  double products_s = 0;      // of a grain's products, each shape timed alone
  double products_flops = 0;  // of them
  double square_flops_per_s = 0;          // of one large product
  std::vector<OperationTime> operations;  // slowest first; measured in rounds of their own

  /// The grain's FLOP/s relative to that of its products alone.
  double fraction() const {
    return products_s > 0 ? (flops / grain_s) / (products_flops / products_s) : 0;
  }
};

/// Runs `rounds` grains after a few to warm up, twice: plain, and with every operation timed.
/// Single-threaded.
StepBench bench_step(WorldModel& model, const Batch& batch, bool bf16, int64_t rounds);

}  // namespace nextframe
