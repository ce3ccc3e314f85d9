// This file is how every bench writes its figures for a script: a list of cases.
#pragma once

#include <string>
#include <vector>

namespace nextframe {

/// One measured number, and what the fastest peer of the same run reached.
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

/// What a product of 1,024 squared reaches, as figures of the machine, on as many threads as set.
std::vector<BenchResult> machine_results();

}  // namespace nextframe
