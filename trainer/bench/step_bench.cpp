#include "trainer/bench/step_bench.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>

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

StepBench bench_step(Model& model, const Batch& batch, bool bf16, int64_t rounds) {
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

namespace {

using Clock = std::chrono::steady_clock;

/// What the callbacks below fill; they are functions without an object.
struct Recording {
  struct Frame {
    std::string name;
    Clock::time_point start;
    double children_s = 0;
  };
  std::vector<Frame> open;
  RecordedOperations result;
};
thread_local Recording* recording = nullptr;

/// The product that a call is, if it is one: LibTorch's own, or one of a linear layer in our loops,
/// which give [m, k, n].
std::optional<Product> product_of(const at::RecordFunction& function) {
  const std::string name = function.name();
  const auto inputs = function.inputs();
  if (name == "aten::mm" && inputs.size() >= 2) {
    const auto left = inputs[0].toTensor(), right = inputs[1].toTensor();
    const auto is_transposed = [](const at::Tensor& x) { return x.stride(1) != 1; };
    return Product{left.size(0), left.size(1), right.size(1), is_transposed(left),
                   is_transposed(right)};
  }
  if (!name.starts_with("nextframe::linear") || inputs.size() != 3) return std::nullopt;
  return Product{inputs[0].toInt(), inputs[1].toInt(), inputs[2].toInt(),
                 name.ends_with("grad_weight"), name.ends_with("linear")};
}

/// The name under which a call is counted: products and attention by their shape.
std::string note(const at::RecordFunction& function) {
  if (const auto product = product_of(function)) {
    ++recording->result.products[*product];
    return name_of(*product);
  }
  const std::string name = function.name();
  const bool is_attention = name.starts_with("nextframe::") && name.ends_with("attention");
  if (is_attention && !function.inputs().empty() && function.inputs()[0].isTensor())
    return c10::str(name, " ", function.inputs()[0].toTensor().sizes());
  return name;
}

std::unique_ptr<at::ObserverContext> on_start(const at::RecordFunction& function) {
  auto name = note(function);
  recording->open.push_back({std::move(name), Clock::now()});
  return nullptr;
}

void on_end(const at::RecordFunction&, at::ObserverContext*) {
  const auto frame = recording->open.back();
  recording->open.pop_back();
  const double elapsed_s = std::chrono::duration<double>(Clock::now() - frame.start).count();
  if (!recording->open.empty()) recording->open.back().children_s += elapsed_s;
  auto& operation = recording->result.operations[frame.name];
  operation.name = frame.name;
  operation.calls += 1;
  operation.self_s += elapsed_s - frame.children_s;
}

}  // namespace

std::string name_of(const Product& product) {
  return c10::str("mm [", product.m, ",", product.k, "]", product.left_transposed ? "' " : " ", "[",
                  product.k, ",", product.n, "]", product.right_transposed ? "'" : "");
}

RecordedOperations record_operations(const std::function<void()>& work) {
  Recording record;
  recording = &record;
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(on_start, on_end)
          .needsInputs(true)
          .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  work();
  at::removeCallback(handle);
  recording = nullptr;
  return std::move(record.result);
}

}  // namespace nextframe
