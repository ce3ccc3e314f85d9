#include "trainer/plan/machine_rates.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "data/direct_file.h"
#include "data/direct_reader.h"
#include "trainer/bench/bench_results.h"

namespace nextframe {
namespace {

constexpr size_t kBytes = size_t{64} << 20;

}  // namespace

double measure_memory_bytes_per_s() {
  const auto from = std::make_unique<char[]>(kBytes), to = std::make_unique<char[]>(kBytes);
  std::memset(from.get(), 1, kBytes);
  double best_s = 1e9;
  for (int round = 0; round < 6; ++round) {  // the first also makes the pages
    const double taken_s = seconds_of([&] { std::memcpy(to.get(), from.get(), kBytes); });
    if (round > 0) best_s = std::min(best_s, taken_s);
  }
  return 2.0 * static_cast<double>(kBytes) / best_s;
}

double measure_disk_bytes_per_s(const std::filesystem::path& folder) {
  const auto path = folder / (".nextframe-plan-" + std::to_string(getpid()));
  const std::string content(kBytes, 'n');
  std::string read(kBytes, ' ');
  const auto remove = [&] {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  };
  try {
    std::vector<double> taken_s;
    for (int round = 0; round < 3; ++round) {
      taken_s.push_back(seconds_of([&] {
        DirectFile file(path);
        file.append(content.data(), content.size());
        file.finish();
        DirectReader(path).read(read.data(), read.size());
      }));
      remove();
    }
    return static_cast<double>(kBytes) / median(taken_s);
  } catch (...) {
    remove();
    throw;
  }
}

double measure_grain_s(const std::function<void()>& grain) {
  constexpr double kLimit_s = 5;
  double all_s = seconds_of(grain);
  if (all_s < kLimit_s) all_s += seconds_of(grain);
  std::vector<double> times_s;
  for (int round = 0; round < 7 && (times_s.empty() || all_s < kLimit_s); ++round) {
    times_s.push_back(seconds_of(grain));
    all_s += times_s.back();
  }
  return median(times_s);
}

}  // namespace nextframe
