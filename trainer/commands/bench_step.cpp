// nextframe bench step CONFIG: how fast one grain trains on one core, against the products it is
// made of.

#include <cstdio>

#include "data/dataset.h"
#include "kernels/torch.h"
#include "launch/text.h"
#include "trainer/bench/bench_results.h"
#include "trainer/bench/step_bench.h"
#include "trainer/commands/arguments.h"
#include "trainer/commands/command.h"
#include "trainer/recompute.h"
#include "trainer/records/peak_flops.h"
#include "trainer/stages.h"

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

std::vector<BenchResult> figures_of(const StepBench& bench, const std::string& precision) {
  const std::string grain = "step/fwd+bwd/" + precision + "/grain";
  std::vector<BenchResult> figures = {
      {grain, "ms", bench.grain_s * 1e3, "its products alone, LibTorch", bench.products_s * 1e3,
       bench.products_s / bench.grain_s},
      {grain + "/rate", "GFLOP/s", bench.flops / bench.grain_s / 1e9,
       "its products alone, LibTorch", bench.products_flops / bench.products_s / 1e9,
       bench.fraction()},
      {grain + "/memory_from_system", "bytes", static_cast<double>(bench.from_system_bytes), "", 0,
       0},
      {"machine/product/" + precision + "/1024", "GFLOP/s", bench.square_flops_per_s / 1e9, "", 0,
       0}};
  for (const auto& operation : bench.operations) {
    BenchResult figure{
        grain + "/operation/" + operation.name, "ms", operation.self_s * 1e3, "", 0, 0};
    if (operation.alone_s > 0) {
      figure.peer = "alone, LibTorch", figure.peer_value = operation.alone_s * 1e3;
      figure.ratio = operation.alone_s / operation.self_s;
    }
    figures.push_back(figure);
  }
  return figures;
}

void print(const StepBench& bench) {
  std::printf("one grain, one core:   %.2f ms; memory asked of the system meanwhile: %lld bytes\n",
              bench.grain_s * 1e3, static_cast<long long>(bench.from_system_bytes));
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
    const auto alone = operation.alone_s > 0 ? format("%.2f", operation.alone_s * 1e3) : "";
    std::printf("%13.3f  %5s  %5.0f  %s\n", operation.self_s * 1e3, alone.c_str(), operation.calls,
                operation.name.c_str());
  }
  double all_s = 0;
  for (const auto& operation : bench.operations) all_s += operation.self_s;
  std::printf("%13.3f                in other operations\n", (all_s - listed_s) * 1e3);
}

int bench_step_command(const StepOptions& options) {
  const auto config = options.config->load();
  at::set_num_threads(1);
  const Dataset data = open_training_set(config.data);
  const auto model = make_model_with_stages(config, data.shape());
  recompute_blocks(*model, config);
  const auto batch = first_grain(data, config.trainer.global_batch / config.trainer.grains);
  const auto bench = bench_step(*model, batch, config.trainer.precision == "bf16", options.rounds);
  if (options.json) return print_json(figures_of(bench, config.trainer.precision)), 0;
  print(bench);
  return 0;
}

CommandBody set_up_bench_step(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = std::make_shared<StepOptions>();
  options->config = add_config_arguments(app);
  app.add_option("--rounds", options->rounds, "number of micro-batches (grains) to time")
      ->check(CLI::Range(1, 1000000));
  app.add_flag("--json", options->json, "print one JSON value on standard output");
  return [options] { return bench_step_command(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(bench_step, "bench step",
                    "time forward and backward of one micro-batch (grain) on one core",
                    set_up_bench_step)

}  // namespace nextframe
