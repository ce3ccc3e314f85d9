// What a rank's memory is used for: parameters, gradients, optimizer state, buckets, and the
// activations of a grain.
#pragma once

#include <cstdint>
#include <string>

#include "trainer/records/console.h"

namespace nextframe {

class FlatParameters;
class GradientSync;
class Optimizer;
class Sharding;

struct MemoryReport {
  int64_t parameters_bytes = 0;
  int64_t gradients_bytes = 0;  // what backward adds to, and the sum that the optimizer takes
  int64_t moments_bytes = 0;    // both
  int64_t average_bytes = 0;
  int64_t buckets_bytes = 0;  // sums of grains, and what is sent, received and gathered

  int64_t total_bytes() const {
    return parameters_bytes + gradients_bytes + moments_bytes + average_bytes + buckets_bytes;
  }
};

/// What these hold after a step; buckets are complete after the second. Of what comes and goes
/// within a step, the most that there was at a time.
MemoryReport measure_memory(const FlatParameters& parameters, const Optimizer& optimizer,
                            const GradientSync& sync, const Sharding& sharding);

/// "memory a rank: parameters 12.3 MiB, gradients …".
std::string to_line(const MemoryReport& report);

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
