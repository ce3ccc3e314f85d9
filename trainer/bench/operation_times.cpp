#include "trainer/bench/operation_times.h"

#include <ATen/record_function.h>

#include <chrono>

#include "kernels/torch.h"

namespace nextframe {
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
