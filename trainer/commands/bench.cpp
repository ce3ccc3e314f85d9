// nextframe bench kernels: attention beside LibTorch's own.
// nextframe bench step CONFIG: how fast one grain trains on one core, against the products it is
// made of.
#include <torch/torch.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "trainer/bench/attention_bench.h"
#include "trainer/bench/step_bench.h"
#include "trainer/commands/command.h"
#include "trainer/commands/config_arguments.h"
#include "trainer/peak_flops.h"

namespace nextframe {
namespace {

struct StepOptions {
  std::shared_ptr<const ConfigArguments> config;
  int64_t rounds = 30;
  bool json = false;
};

/// The first clips of the training data.
Batch first_grain(const Dataset& data, int64_t clips) {
  auto batch = make_batch(data.shape(), clips);
  for (int64_t row = 0; row < clips; ++row) data.read_clip(row % data.num_clips(), batch, row);
  return batch;
}

nlohmann::ordered_json to_json(const StepBench& bench) {
  nlohmann::ordered_json operations = nlohmann::ordered_json::array();
  for (const auto& operation : bench.operations) {
    operations.push_back({{"name", operation.name},
                          {"calls", operation.calls},
                          {"self_ms", operation.self_s * 1e3},
                          {"alone_ms", operation.alone_s * 1e3}});
  }
  return {{"grain_ms", bench.grain_s * 1e3},
          {"gflops_per_s", bench.flops / bench.grain_s / 1e9},
          {"products_gflops_per_s", bench.products_flops / bench.products_s / 1e9},
          {"square_product_gflops_per_s", bench.square_flops_per_s / 1e9},
          {"fraction", bench.fraction()},
          {"operations", operations}};
}

void print(const StepBench& bench) {
  std::printf("one grain, one core:   %.2f ms\n", bench.grain_s * 1e3);
  std::printf("its products alone:    %.2f ms at %.0f GFLOP/s; a square of 1,024 runs at %.0f\n",
              bench.products_s * 1e3, bench.products_flops / bench.products_s / 1e9,
              bench.square_flops_per_s / 1e9);
  std::printf("dense and attention:   %.0f GFLOP/s, %.0f %% of its own products' rate\n\n",
              bench.flops / bench.grain_s / 1e9, 100 * bench.fraction());
  double listed_s = 0;
  std::printf("   ms a grain  alone  calls  operation (timed one by one, which costs a little)\n");
  for (const auto& operation : bench.operations) {
    if (operation.self_s < 0.005 * bench.grain_s) break;
    listed_s += operation.self_s;
    char alone[16] = "";
    if (operation.alone_s > 0) std::snprintf(alone, sizeof alone, "%.2f", operation.alone_s * 1e3);
    std::printf("%13.3f  %5s  %5.0f  %s\n", operation.self_s * 1e3, alone, operation.calls,
                operation.name.c_str());
  }
  double all_s = 0;
  for (const auto& operation : bench.operations) all_s += operation.self_s;
  std::printf("%13.3f                in other operations\n", (all_s - listed_s) * 1e3);
}

int bench_step_command(const StepOptions& options) {
  const auto config = options.config->load();
  at::set_num_threads(1);
  const Dataset data(config.data.train, config.data.clip_frames, config.data.stride_frames);
  const auto model = config.make_model(data.shape());
  const auto batch = first_grain(data, config.trainer.global_batch / config.trainer.grains);
  const auto bench = bench_step(*model, batch, config.trainer.precision == "bf16", options.rounds);
  if (options.json) return std::puts(to_json(bench).dump(2).c_str()), 0;
  print(bench);
  return 0;
}

struct KernelOptions {
  int64_t rounds = 7;
  bool in_place = false, json = false;
};

void print_machine() {
  std::printf("one thread; a product of 1,024 squared runs at %.0f GFLOP/s in bf16, %.0f in fp32\n",
              measure_peak_flops(at::kCPU, true) / 1e9, measure_peak_flops(at::kCPU, false) / 1e9);
}

int bench_kernels(const KernelOptions& options) {
  at::set_num_threads(1);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  if (!options.json) {
    print_machine();
    std::printf("%-40s  %8s  %8s  %8s  %s\n", "", "ours ms", "flash ms", "math ms",
                "times faster than the better");
  }
  bench_attention(options.rounds, options.in_place, [&](const AttentionBench& bench) {
    rows.push_back({{"case", bench.name},
                    {"ours_ms", bench.ours_s * 1e3},
                    {"flash_ms", bench.flash_s * 1e3},
                    {"math_ms", bench.math_s * 1e3},
                    {"ratio", bench.ratio()}});
    if (options.json) return;
    std::printf("%-40s  %8.2f  %8.2f  %8.2f  %.2f\n", bench.name.c_str(), bench.ours_s * 1e3,
                bench.flash_s * 1e3, bench.math_s * 1e3, bench.ratio());
    std::fflush(stdout);
  });
  if (options.json) return std::puts(rows.dump(2).c_str()), 0;
  print_machine();
  return 0;
}

CommandBody set_up_kernels(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = std::make_shared<KernelOptions>();
  app.add_option("--rounds", options->rounds, "turns that each takes")
      ->check(CLI::Range(1, 1000000));
  app.add_flag("--in-place", options->in_place, "ours reads packed projections, as in a model");
  app.add_flag("--json", options->json, "one JSON value on standard output");
  return [options] { return bench_kernels(*options); };
}

CommandBody set_up(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = std::make_shared<StepOptions>();
  options->config = add_config_arguments(app);
  app.add_option("--rounds", options->rounds, "grains that are timed")
      ->check(CLI::Range(1, 1000000));
  app.add_flag("--json", options->json, "one JSON value on standard output");
  return [options] { return bench_step_command(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(bench_kernels, "bench kernels",
                    "time attention beside LibTorch's own, one thread", set_up_kernels)
NF_REGISTER_COMMAND(bench_step, "bench step", "time a grain's forward and backward on one core",
                    set_up)

}  // namespace nextframe
