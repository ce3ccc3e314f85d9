// What benchmarks share: results as JSON for scripts, a timer and the median.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace nextframe {

/// One measured number, and that of the fastest peer in the same run.
struct BenchResult {
  std::string name;  // <what>/<pass>/<dtype>/<shape>
  std::string unit;
  double value = 0;
  std::string peer;  // none if empty
  double peer_value = 0;
  double ratio = 0;  // above 1 where we are better
};

/// A JSON list of {"case", "unit", "value", "peer": {"name", "value"}, "ratio"}, the last two only
/// where there is a peer; to standard output.
void print_json(const std::vector<BenchResult>& figures);

/// The speed of a 1,024 x 1,024 matrix product with the current number of threads, as a reference
/// for the machine.
std::vector<BenchResult> machine_results();

inline double seconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace nextframe
