// nextframe bench kernels: attention and the fused operations of a step beside LibTorch's own.

#include <cstdio>

#include "kernels/torch.h"
#include "trainer/bench/bench_results.h"
#include "trainer/bench/kernel_bench.h"
#include "trainer/commands/command.h"
#include "trainer/records/peak_flops.h"

namespace nextframe {
namespace {

struct KernelOptions {
  int64_t rounds = 7;
  bool in_place = false, json = false;
};

void print_machine() {
  std::printf("one thread; a product of 1,024 squared runs at %.0f GFLOP/s in bf16, %.0f in fp32\n",
              measure_peak_flops(at::kCPU, true) / 1e9, measure_peak_flops(at::kCPU, false) / 1e9);
}

std::vector<BenchResult> attention_figures(const KernelOptions& options) {
  std::vector<BenchResult> figures;
  if (!options.json) {
    std::printf("%-40s  %8s  %8s  %8s  %s\n", "attention", "ours ms", "flash ms", "math ms",
                "times faster than the better");
  }
  bench_attention(options.rounds, options.in_place, [&](const AttentionBench& bench) {
    const bool flash = bench.flash_s < bench.math_s;
    figures.push_back({bench.name, "ms", bench.ours_s * 1e3,
                       flash ? "LibTorch flash" : "LibTorch math",
                       (flash ? bench.flash_s : bench.math_s) * 1e3, bench.ratio()});
    if (options.json) return;
    std::printf("%-40s  %8.2f  %8.2f  %8.2f  %.2f\n", bench.name.c_str(), bench.ours_s * 1e3,
                bench.flash_s * 1e3, bench.math_s * 1e3, bench.ratio());
    std::fflush(stdout);
  });
  return figures;
}

std::vector<BenchResult> operation_figures(const KernelOptions& options) {
  std::vector<BenchResult> figures;
  if (!options.json) {
    std::printf("\n%-40s  %8s  %8s  %8s  %s\n", "operation, with its gradient where it has one",
                "ours ms", "", "theirs", "times faster");
  }
  bench_operations(options.rounds, [&](const OperationBench& bench) {
    figures.push_back({"operation/" + bench.name, "ms", bench.ours_s * 1e3, "LibTorch",
                       bench.theirs_s * 1e3, bench.ratio()});
    if (options.json) return;
    std::printf("%-40s  %8.3f  %8s  %8.3f  %.2f\n", bench.name.c_str(), bench.ours_s * 1e3, "",
                bench.theirs_s * 1e3, bench.ratio());
    std::fflush(stdout);
  });
  return figures;
}

int bench_kernels(const KernelOptions& options) {
  at::set_num_threads(1);
  if (!options.json) print_machine();
  auto figures = attention_figures(options);
  const auto operations = operation_figures(options);
  figures.insert(figures.end(), operations.begin(), operations.end());
  if (options.json) {
    const auto machine = machine_results();
    figures.insert(figures.end(), machine.begin(), machine.end());
    print_json(figures);
    return 0;
  }
  print_machine();
  return 0;
}

CommandBody set_up_bench_kernels(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = std::make_shared<KernelOptions>();
  app.add_option("--rounds", options->rounds, "number of times that each is timed")
      ->check(CLI::Range(1, 1000000));
  app.add_flag("--in-place", options->in_place,
               "our attention reads packed projections, as in a model");
  app.add_flag("--json", options->json, "print one JSON value on standard output");
  return [options] { return bench_kernels(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(bench_kernels, "bench kernels",
                    "time attention and fused operations beside LibTorch's own, one thread",
                    set_up_bench_kernels)

}  // namespace nextframe
