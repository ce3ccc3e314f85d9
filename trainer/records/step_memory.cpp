#include "trainer/records/step_memory.h"

#include <algorithm>
#include <utility>

#include "launch/host_memory.h"
#include "launch/text.h"

namespace nextframe {
namespace {

double mib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

void StepMemory::sample() { peak_bytes_ = std::max(peak_bytes_, take_host_memory_peak_bytes()); }

void StepMemory::begin_grain() {
  sample();
  before_bytes_ = host_memory_in_use_bytes();
}

void StepMemory::end_grain() {
  const int64_t peak = take_host_memory_peak_bytes();
  activation_bytes_ = std::max(activation_bytes_, peak - before_bytes_);
  peak_bytes_ = std::max(peak_bytes_, peak);
}

int64_t StepMemory::take_peak_bytes() {
  sample();
  return std::exchange(peak_bytes_, 0);
}

void StepMemory::print_once(Console& console, const std::string& recompute) {
  if (std::exchange(is_printed_, true)) return;
  sample();
  if (peak_bytes_ == 0) return;
  console.say(
      format("memory of a rank's tensors after the first step: at most %.1f MiB, %.1f of them "
             "activations (trainer.recompute: %s)",
             mib(peak_bytes_), mib(activation_bytes_), recompute.c_str()));
}

}  // namespace nextframe
