// nextframe plan CONFIG: what a run will take, in time, memory, network and disk, before it is
// queued.

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "data/dataset.h"
#include "data/error.h"
#include "kernels/draws.h"
#include "kernels/torch.h"
#include "launch/affinity.h"
#include "launch/world.h"
#include "trainer/commands/arguments.h"
#include "trainer/commands/command.h"
#include "trainer/optimizer/update_rules.h"
#include "trainer/parallel/flat_parameters.h"
#include "trainer/plan/plan_report.h"
#include "trainer/recompute.h"
#include "trainer/records/console.h"
#include "trainer/records/memory_report.h"
#include "trainer/stages.h"

namespace nextframe {
namespace {

struct PlanOptions {
  std::shared_ptr<const ConfigArguments> config;
  std::string ranks;
  int64_t grains_per_rank = 0, ranks_per_node = 0, cores_per_node = 0;
  double flops = 0, memory_gbs = 0, bandwidth_gbs = 0, disk_gbs = 0, message_us = 0;
  double mtbf_hours = 0, restart_s = 60;
  std::string frame;
  int64_t actions = 0;
  bool json = false;
};

/// "64x64x3"
ClipShape shape_of_words(const PlanOptions& options, const DataConfig& data) {
  ClipShape shape;
  shape.clip_frames = data.clip_frames;
  shape.action_width = options.actions * data.stride_frames;
  char rest = 0;
  long long height = 0, width = 0, channels = 0;
  const int read =
      std::sscanf(options.frame.c_str(), "%lldx%lldx%lld%c", &height, &width, &channels, &rest);
  if (read != 3 || height < 1 || width < 1 || (channels != 1 && channels != 3)) {
    throw UsageError("--frame " + options.frame + ": give height x width x channels, as 64x64x3");
  }
  shape.height_px = height, shape.width_px = width, shape.channels = channels;
  return shape;
}

ClipShape clip_shape(const PlanOptions& options, const Config& config) {
  if (!options.frame.empty()) return shape_of_words(options, config.data);
  try {
    return Dataset(config.data.train, config.data.clip_frames, config.data.stride_frames,
                   kOwnActionWidth, config.data.train_as())
        .shape();
  } catch (const DataError& error) {
    throw UsageError(std::string(error.what()) +
                     "\nwithout data, plan needs their shape: --frame 64x64x3 --actions 3");
  }
}

/// A grain of noise: time and memory do not depend on what is in it.
Batch noise(const ClipShape& shape, int64_t clips) {
  auto batch = make_batch(shape, clips);
  batch.frames_BTHWC.random_(0, 256);
  return batch;
}

/// Runs the model's own forward and backward here.
void measure_grain(Model& model, const Batch& batch, PlanReport& report) {
  FlatParameters parameters(model);
  StepMemory memory;
  uint64_t step = 0;
  report.rates.grain_s = measure_grain_s([&] {
    parameters.clear_gradients();
    memory.begin_grain();
    model.loss(batch, as_tensor({0, step++})).sum.backward();
    memory.end_grain();
  });
  report.work.activation_bytes = memory.activation_bytes();
  report.sources.push_back(c10::str(
      "a grain takes ", std::round(report.rates.grain_s * 1e6) / 1000, " ms on one core here, ",
      std::lround(report.work.flops_per_grain / report.rates.grain_s / 1e9),
      " GFLOP/s (measured; --flops replaces it)"));
}

/// This machine's, unless a node of another kind is described: there each rank has cores of its
/// own.
void set_node(const PlanOptions& options, int64_t threads, MachineRates& rates) {
  rates.threads_per_rank = threads;
  rates.cores_per_node = num_available_cores();
  rates.ranks_per_node = std::max<int64_t>(1, rates.cores_per_node / threads);
  if (options.ranks_per_node > 0) {
    rates.ranks_per_node = options.ranks_per_node;
    rates.cores_per_node = options.ranks_per_node * threads;
  }
  if (options.cores_per_node > 0) rates.cores_per_node = options.cores_per_node;
}

void set_rates(const PlanOptions& options, const Config& config, PlanReport& report) {
  auto& rates = report.rates;
  rates.memory_bytes_per_s =
      options.memory_gbs > 0 ? options.memory_gbs * 1e9 : measure_memory_bytes_per_s();
  rates.exchange_bytes_per_s = options.bandwidth_gbs > 0
                                   ? options.bandwidth_gbs * 1e9
                                   : rates.memory_bytes_per_s * kSendOverMemory;
  if (options.message_us > 0) rates.message_s = options.message_us * 1e-6;
  rates.disk_bytes_per_s = options.disk_gbs > 0
                               ? options.disk_gbs * 1e9
                               : measure_disk_bytes_per_s(std::filesystem::current_path());
  set_node(options, config.parallel.threads, rates);
  rates.node_mtbf_s = options.mtbf_hours * 3600;
  rates.restart_s = options.restart_s;
  const auto origin = [](bool is_given) { return is_given ? " (given)" : " (measured here)"; };
  const auto gbs = [](double bytes_per_s) { return std::round(bytes_per_s / 1e7) / 100; };
  report.sources.push_back(
      c10::str("a rank sends ", gbs(rates.exchange_bytes_per_s), " GB/s",
               options.bandwidth_gbs > 0 ? " (given)" : " (guessed from the rate of copying here)",
               "; a rank moves ", gbs(rates.memory_bytes_per_s), " GB/s of memory",
               origin(options.memory_gbs > 0), "; checkpoints are written at ",
               gbs(rates.disk_bytes_per_s), " GB/s", origin(options.disk_gbs > 0)));
  report.sources.push_back(
      c10::str(rates.ranks_per_node, " ranks and ", rates.cores_per_node, " cores a node"));
}

/// One rank, and doublings up to what this machine and the grains can use.
std::vector<int64_t> default_ranks(const MachineRates& rates, int64_t grains) {
  std::vector<int64_t> ranks;
  for (int64_t count = 1; count <= std::min(rates.ranks_per_node, grains); count *= 2)
    ranks.push_back(count);
  return ranks;
}

void add_rows(const PlanOptions& options, const Config& config, PlanReport& report) {
  const int64_t grains = config.trainer.grains;
  const auto all =
      options.ranks.empty() ? default_ranks(report.rates, grains) : parse_rank_list(options.ranks);
  for (const int64_t ranks : all) {
    const int64_t wanted = options.grains_per_rank * ranks;
    if (wanted == 0 && ranks > grains) {
      throw UsageError(c10::str("trainer.grains = ", grains, " cannot feed ", ranks,
                                " ranks; ask for fewer, or for --grains-per-rank 4: the step that "
                                "so many ranks would need"));
    }
    report.rows.push_back(plan_row(report.work, report.rates, ranks, wanted));
  }
}

PlanReport plan_of(const PlanOptions& options, const Config& config) {
  set_torch_threads(config.parallel.threads);
  const auto shape = clip_shape(options, config);
  const auto model = make_model_with_stages(config, shape);
  recompute_blocks(*model, config);
  require_matrices(config.optimizer, *model, config.trained_part());
  PlanReport report;
  report.model = config.trained_part();
  report.recompute = config.trainer.recompute;
  report.work = workload_of(config, *model);
  if (options.flops > 0) {
    if (report.work.flops_per_grain == 0) {
      throw UsageError("--flops: model " + report.model +
                       " does not say how many operations it takes; leave it out to measure here");
    }
    report.rates.grain_s = report.work.flops_per_grain / options.flops;
    report.rates.muon_s = report.work.muon_flops() / options.flops;
    report.sources.push_back(c10::str("a rank reaches ", options.flops / 1e12, " TFLOP/s (given)"));
  } else {
    measure_grain(*model, noise(shape, report.work.clips_per_grain), report);
    if (!report.work.muon.empty()) report.rates.muon_s = measure_muon_s(*model);
  }
  set_rates(options, config, report);
  report.shards = choices_of(config.parallel, "shard");
  add_rows(options, config, report);
  return report;
}

/// The rows of all plans that are for equally many ranks, added up.
std::string all_together(const std::vector<PlanReport>& plans) {
  std::vector<std::string> texts;
  for (const auto& row : plans.back().rows) {
    double run_s = 0;
    size_t found = 0;
    for (const auto& plan : plans) {
      for (const auto& other : plan.rows) {
        if (other.ranks.ranks == row.ranks.ranks) run_s += other.run_s, ++found;
      }
    }
    if (found != plans.size()) continue;
    texts.push_back(c10::str(format_duration(run_s), " on ", row.ranks.ranks,
                             row.ranks.ranks == 1 ? " rank" : " ranks"));
  }
  return "\nall together  " + c10::Join(", ", texts) + "\n";
}

/// Tokenizers of the config that are not trained yet come first.
int plan(const PlanOptions& options) {
  const auto config = options.config->load();
  std::vector<Stage> first;
  std::vector<PlanReport> plans;
  for (auto& stage : require_stages(config, {})) {
    if (stage.is_trained()) continue;
    plans.push_back(plan_of(options, stage.config));
    first.push_back(std::move(stage));
  }
  plans.push_back(plan_of(options, config));
  if (options.json) {
    auto json = nlohmann::ordered_json::parse(to_json(plans.back()));
    for (size_t i = 0; i < first.size(); ++i)
      json[first[i].source.role] = nlohmann::ordered_json::parse(to_json(plans[i]));
    std::cout << json.dump(2) << std::endl;
    return 0;
  }
  for (size_t i = 0; i < first.size(); ++i) {
    std::cout << "first its " << first[i].source.name() << ", " << first[i].config_path << "\n\n"
              << to_text(plans[i]) << "\n";
  }
  std::cout << to_text(plans.back());
  if (!first.empty()) std::cout << all_together(plans);
  std::cout << std::flush;
  return 0;
}

CommandBody set_up_plan(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = std::make_shared<PlanOptions>();
  options->config = add_config_arguments(app);
  app.add_option("--ranks", options->ranks,
                 "numbers of ranks: 4, or 1,2,4, or 8..16384 (doubled each time); default: what "
                 "this machine can use");
  app.add_option("--grains-per-rank", options->grains_per_rank,
                 "plan for this many micro-batches (grains) per rank, instead of trainer.grains "
                 "over all ranks")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--ranks-per-node", options->ranks_per_node,
                 "ranks per node; default: one per core of this machine")
      ->check(CLI::Range(1, 1 << 16));
  app.add_option("--cores-per-node", options->cores_per_node,
                 "cores per node, if its ranks have to share fewer than they need")
      ->check(CLI::Range(1, 1 << 16));
  app.add_option("--flops", options->flops,
                 "floating-point operations per second that a rank reaches, such as 2e14")
      ->check(CLI::PositiveNumber);
  app.add_option("--memory-gbs", options->memory_gbs,
                 "memory bandwidth of a rank in GB/s; on a GPU that of its own memory")
      ->check(CLI::PositiveNumber);
  app.add_option("--bandwidth-gbs", options->bandwidth_gbs,
                 "network bandwidth of a rank in GB/s, while all ranks send")
      ->check(CLI::PositiveNumber);
  app.add_option("--message-us", options->message_us,
                 "latency of a short message in microseconds; default: 20")
      ->check(CLI::PositiveNumber);
  app.add_option("--disk-gbs", options->disk_gbs,
                 "disk bandwidth for checkpoints in GB/s, all ranks together")
      ->check(CLI::PositiveNumber);
  app.add_option("--mtbf-hours", options->mtbf_hours,
                 "mean hours between two failures of one node; default: it never fails")
      ->check(CLI::PositiveNumber);
  app.add_option("--restart-s", options->restart_s,
                 "seconds from a failure until training goes on; default: 60")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--frame", options->frame,
                 "height x width x channels of a frame, if the data are not at hand");
  app.add_option("--actions", options->actions, "width of an action, if the data are not at hand")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--json", options->json, "print one JSON value on standard output");
  return [options] { return plan(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(plan, "plan",
                    "estimate time, memory, network and disk of a run before it starts",
                    set_up_plan)

}  // namespace nextframe
