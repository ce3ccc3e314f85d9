#include "trainer/bench/bench_results.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "trainer/records/peak_flops.h"

namespace nextframe {

void print_json(const std::vector<BenchResult>& figures) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& figure : figures) {
    nlohmann::ordered_json row = {
        {"case", figure.name}, {"unit", figure.unit}, {"value", figure.value}};
    if (!figure.peer.empty()) {
      row["peer"] = {{"name", figure.peer}, {"value", figure.peer_value}};
      row["ratio"] = figure.ratio;
    }
    list.push_back(row);
  }
  std::puts(list.dump(2).c_str());
}

std::vector<BenchResult> machine_results() {
  const auto rate = [](bool bf16) { return measure_peak_flops(at::kCPU, bf16) / 1e9; };
  return {{"machine/product/bf16/1024", "GFLOP/s", rate(true), "", 0, 0},
          {"machine/product/fp32/1024", "GFLOP/s", rate(false), "", 0, 0}};
}

}  // namespace nextframe
