// Products by warp groups (wgmma). They run as late as the kernel allows, on shared memory as it is
// then; until a kernel waits for them, their sums are NaN.
#pragma once

#include <deque>
#include <map>

#include "tests/kernels/emulator/machine.h"
#include "tests/kernels/emulator/operand_descriptor.h"

namespace nextframe::emulator {

inline constexpr uint32_t kGroupThreads = 128;

/// One thread's part of a product.
struct Product {
  float (*widened)(uint16_t bits);  // the format
  uint32_t blocks;                  // of 8 columns
  float* sums;                      // [blocks][4]
  bool adds, is_left_in_registers;
  uint64_t left_descriptor, right_descriptor;
  uint32_t left[4];

  bool is_of(const Product& other) const {
    return widened == other.widened && blocks == other.blocks && adds == other.adds &&
           left_descriptor == other.left_descriptor && right_descriptor == other.right_descriptor;
  }
};

class TensorCores {
 public:
  static constexpr uint32_t kDepth = 16;  // of a product

  explicit TensorCores(Machine& machine);

  /// All by the running thread.
  void start(const Product& product);
  void fence() { parts_[number()].is_fenced = true; }
  void commit();
  void wait(uint32_t newest);

  void check_end();

 private:
  struct Running {
    std::vector<float> sums;
    uint32_t products = 0;
  };
  struct Part {                                  // a thread's
    std::deque<std::vector<Product>> groups{1};  // not done yet, the last still open
    uint32_t done = 0;                           // groups
    bool is_fenced = false;
    std::map<float*, Running> running;
  };

  static constexpr uint32_t kRows = 64, kMostColumns = 256;
  struct Factors {
    float left[kRows][kDepth], right[kDepth][kMostColumns];
  };

  uint32_t number() { return machine_.thread().number; }
  void take_sums(const Product& product, Part& part);
  void expect_operands(const Product& product);
  bool run_groups(uint32_t first_thread, uint32_t groups);
  void run_group(uint32_t first_thread);
  void multiply(uint32_t first_thread, size_t number);
  void read_left(uint32_t first_thread, size_t number, Factors& factors);
  void read_right(const Product& product, Factors& factors);
  void give_sums(Part& part, float* to);

  Machine& machine_;
  std::vector<Part> parts_;
};

}  // namespace nextframe::emulator
