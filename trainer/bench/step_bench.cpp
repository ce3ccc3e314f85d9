#include "trainer/bench/step_bench.h"

#include <algorithm>

#include "kernels/draws.h"
#include "kernels/torch.h"
#include "launch/host_memory.h"
#include "trainer/bench/bench_results.h"
#include "trainer/parallel/flat_parameters.h"
#include "trainer/records/peak_flops.h"

namespace nextframe {
namespace {

/// Seconds of one product, the least of several timings.
double time_alone(const Product& product, at::ScalarType dtype) {
  const torch::NoGradGuard no_grad;
  const auto factor = [&](int64_t rows, int64_t columns, bool is_transposed) {
    return is_transposed ? at::randn({columns, rows}).to(dtype).t()
                         : at::randn({rows, columns}).to(dtype);
  };
  const auto left = factor(product.m, product.k, product.left_transposed);
  const auto right = factor(product.k, product.n, product.right_transposed);
  auto result = at::empty({product.m, product.n}, dtype);
  double best_s = 1e9;
  for (int trial = 0; trial < 8; ++trial) {
    constexpr int kRuns = 10;
    const double elapsed_s = seconds_of([&] {
      for (int run = 0; run < kRuns; ++run) at::mm_out(result, left, right);
    });
    best_s = std::min(best_s, elapsed_s / kRuns);
  }
  return best_s;
}

}  // namespace

StepBench bench_step(WorldModel& model, const Batch& batch, bool bf16, int64_t rounds) {
  FlatParameters parameters(model);
  const auto grain = [&](int64_t number) {
    parameters.clear_gradients();
    model.loss(batch, as_tensor({0, static_cast<uint64_t>(number)})).sum.backward();
  };
  for (int64_t round = 0; round < 3; ++round) grain(round);

  const int64_t before_bytes = host_memory_from_system_bytes();
  std::vector<double> times_s;
  for (int64_t round = 0; round < rounds; ++round) {
    times_s.push_back(seconds_of([&] { grain(round); }));
  }
  const int64_t from_system_bytes = host_memory_from_system_bytes() - before_bytes;
  auto record = record_operations([&] {
    for (int64_t round = 0; round < rounds; ++round) grain(round);
  });

  StepBench result;
  result.grain_s = median(times_s);
  result.from_system_bytes = from_system_bytes;
  result.flops = model.flops_per_clip() * static_cast<double>(batch.frames_BTHWC.size(0));
  const double per_grain = 1.0 / static_cast<double>(rounds);
  for (const auto& [product, count] : record.products) {
    const double calls = static_cast<double>(count) * per_grain;
    const double alone_s = calls * time_alone(product, bf16 ? at::kBFloat16 : at::kFloat);
    record.operations[name_of(product)].alone_s = alone_s * static_cast<double>(rounds);
    result.products_s += alone_s;
    result.products_flops += calls * 2.0 * static_cast<double>(product.m * product.k * product.n);
  }
  result.square_flops_per_s = measure_peak_flops(at::kCPU, bf16);
  for (auto& [name, operation] : record.operations) {
    operation.calls *= per_grain;
    operation.self_s *= per_grain;
    operation.alone_s *= per_grain;
    result.operations.push_back(operation);
  }
  std::sort(result.operations.begin(), result.operations.end(),
            [](const auto& a, const auto& b) { return a.self_s > b.self_s; });
  return result;
}

}  // namespace nextframe
