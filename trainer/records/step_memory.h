// This file is how much memory a rank's tensors on the CPU take: at most, and of that what forward
// and backward of one grain need beside all that stays.
#pragma once

#include <cstdint>
#include <string>

#include "trainer/records/console.h"

namespace nextframe {

class StepMemory {
 public:
  /// Around forward and backward of each grain.
  void begin_grain();
  void end_grain();

  /// The most that one grain has needed so far: activations, their gradients, and what operations
  /// take for a moment. Batches that the loader reads meanwhile count too.
  int64_t activation_bytes() const { return activation_bytes_; }

  /// The most of everything since the last call; 0 where tensors do not come from the pool.
  int64_t take_peak_bytes();

  /// After the first step, one line; later nothing.
  void print_once(Console& console, const std::string& recompute);

 private:
  void sample();

  int64_t before_bytes_ = 0, activation_bytes_ = 0, peak_bytes_ = 0;
  bool is_printed_ = false;
};

}  // namespace nextframe
