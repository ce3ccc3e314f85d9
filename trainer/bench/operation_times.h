// Profiles LibTorch operations: which ones a piece of work calls, and how long each takes.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

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

}  // namespace nextframe
