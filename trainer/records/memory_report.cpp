#include "trainer/records/memory_report.h"

#include <algorithm>
#include <utility>

#include "launch/host_memory.h"
#include "launch/text.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/parallel/gradient_sync.h"
#include "trainer/parallel/sharding.h"

namespace nextframe {
namespace {

std::string mebibytes(int64_t bytes) {
  return format("%.2f MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace

MemoryReport measure_memory(const FlatParameters& parameters, const Optimizer& optimizer,
                            const GradientSync& sync, const Sharding& sharding) {
  MemoryReport report;
  report.parameters_bytes = bytes_of(parameters.values()) + bytes_of(sharding.packed_values());
  if (const auto* units = sharding.fsdp()) report.parameters_bytes += units->peak_bytes();
  report.gradients_bytes = bytes_of(parameters.gradients()) + sync.gradient_bytes();
  for (const auto& buffer : optimizer.state()) {
    if (buffer.name.starts_with("moment")) report.moments_bytes += bytes_of(buffer.values);
    if (buffer.name == "ema") report.average_bytes += bytes_of(buffer.values);
  }
  report.buckets_bytes = sync.bucket_bytes() + sharding.gathered_bytes();
  return report;
}

std::string to_line(const MemoryReport& report) {
  return "memory a rank: parameters " + mebibytes(report.parameters_bytes) + ", gradients " +
         mebibytes(report.gradients_bytes) + ", moments " + mebibytes(report.moments_bytes) +
         ", average " + mebibytes(report.average_bytes) + ", buckets " +
         mebibytes(report.buckets_bytes) + ", together " + mebibytes(report.total_bytes());
}

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
