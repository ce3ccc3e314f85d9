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
  int64_t gradients_bytes = 0;  // the gradient buffer, and the sum that the optimizer gets
  int64_t moments_bytes = 0;    // both
  int64_t average_bytes = 0;
  int64_t buckets_bytes = 0;  // accumulated gradients, and what is sent, received and gathered

  int64_t total_bytes() const {
    return parameters_bytes + gradients_bytes + moments_bytes + average_bytes + buckets_bytes;
  }
};

/// Measures these objects after a step (buckets are complete only after the second one). For
/// buffers that come and go within a step, the peak counts.
MemoryReport measure_memory(const FlatParameters& parameters, const Optimizer& optimizer,
                            const GradientSync& sync, const Sharding& sharding);

/// "memory a rank: parameters 12.3 MiB, gradients …".
std::string to_line(const MemoryReport& report);

class StepMemory {
 public:
  /// Call these before forward and after backward of each grain.
  void begin_grain();
  void end_grain();

  /// The most memory that one grain has needed so far: activations, their gradients, and
  /// temporary buffers. Batches that the loader reads meanwhile count, too.
  int64_t activation_bytes() const { return activation_bytes_; }

  /// Peak memory of CPU tensors since the last call; 0 where they do not come from our allocator.
  int64_t take_peak_bytes();

  /// Prints one line after the first step, and nothing later.
  void print_once(Console& console, const std::string& recompute);

 private:
  void sample();

  int64_t before_bytes_ = 0, activation_bytes_ = 0, peak_bytes_ = 0;
  bool is_printed_ = false;
};

}  // namespace nextframe
