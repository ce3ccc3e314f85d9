// Times one grain's forward and backward, profiles which LibTorch operations it calls, and compares
// it with its matrix products alone.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/world_model.h"

namespace nextframe {

struct OperationTime {
  std::string name;    // of a product and of attention: with its shape
  double calls = 0;    // per grain, or per frame
  double self_s = 0;   // per grain or frame, without the operations that it calls
  double alone_s = 0;  // of a product: the time when repeated with its operands in cache
};

/// A product [m, k] x [k, n], and whether each factor was transposed in memory.
struct Product {
  int64_t m, k, n;
  bool left_transposed, right_transposed;
  auto operator<=>(const Product&) const = default;
};

std::string name_of(const Product& product);

struct RecordedOperations {
  std::map<std::string, OperationTime> operations;  // by name; sums over all calls
  std::map<Product, int64_t> products;              // calls of each
};

/// Runs `work` and times each operation of this thread, which slows it down a little.
RecordedOperations record_operations(const std::function<void()>& work);

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
StepBench bench_step(Model& model, const Batch& batch, bool bf16, int64_t rounds);

}  // namespace nextframe
