#include "trainer/records/memory_report.h"

#include "launch/text.h"
#include "trainer/optimizer.h"
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

}  // namespace nextframe
