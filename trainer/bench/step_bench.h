// This file is how long one grain's forward and backward take, what of it is products, and which
// operations hold the rest.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/world_model.h"

namespace nextframe {

struct OperationTime {
  std::string name;
  double calls = 0;    // a grain
  double self_s = 0;   // a grain; without the operations that it calls
  double alone_s = 0;  // a grain, of a product: repeated with all of it in cache
};

struct StepBench {
  double grain_s = 0;  // median of the rounds: forward, backward, gradients into their buffer
  double flops = 0;    // of a grain's dense products and attention; 0 when the model does not know
  double products_s = 0;                  // of a grain's products, each shape timed alone
  double products_flops = 0;              // of them
  double square_flops_per_s = 0;          // of one large product
  std::vector<OperationTime> operations;  // slowest first; measured in rounds of their own

  /// What a grain reaches of the rate at which its products run alone.
  double fraction() const {
    return products_s > 0 ? (flops / grain_s) / (products_flops / products_s) : 0;
  }
};

/// Runs `rounds` grains after a few to warm up, twice: plain, and with every operation timed.
/// Single-threaded.
StepBench bench_step(WorldModel& model, const Batch& batch, bool bf16, int64_t rounds);

}  // namespace nextframe
