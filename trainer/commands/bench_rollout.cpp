// nextframe bench rollout CONFIG_OR_RUN: how fast a model dreams, from memory and without.

#include <cstdio>
#include <filesystem>

#include "data/durable_file.h"
#include "kernels/torch.h"
#include "trainer/bench/bench_results.h"
#include "trainer/bench/rollout_bench.h"
#include "trainer/commands/arguments.h"
#include "trainer/commands/command.h"
#include "trainer/evaluate/predictor.h"
#include "trainer/load_run.h"
#include "trainer/records/peak_flops.h"
#include "trainer/stages.h"

namespace nextframe {
namespace {

struct BenchRolloutArguments {
  std::shared_ptr<const ConfigArguments> subject;
  int64_t clips = 16, context_frames = 8, frames = 32;
  int64_t rounds = 5, threads = 1;
  std::string out;
  bool only_memory = false, json = false;
};

struct Subject {
  Config config;
  std::shared_ptr<WorldModel> model;
  Dataset data;
};

Subject open(const ConfigArguments& arguments) {
  if (std::filesystem::is_directory(arguments.path)) {
    auto run = load_run(arguments.path, true, arguments.overrides);
    const auto& config = run.config.data;
    Dataset data(config.train, config.clip_frames, config.stride_frames,
                 run.shape.action_width / config.stride_frames, config.train_as());
    data.scale_actions(run.action_scale);
    return {std::move(run.config), std::move(run.model), std::move(data)};
  }
  auto config = arguments.load();
  auto data = open_training_set(config.data);
  auto model = make_model_with_stages(config, data.shape());
  return {std::move(config), std::move(model), std::move(data)};
}

void require_predictions(const WorldModel& model, const std::string& path) {
  if (!model.can_predict())
    throw UsageError("bench rollout: " + path + " is a tokenizer, which predicts nothing");
}

/// The first episodes that are long enough, from the first on again where there are too few.
RolloutClips first_clips(const Dataset& data, WorldModel& model, const std::string& glob,
                         const BenchRolloutArguments& options) {
  const int64_t num_frames = options.context_frames + options.frames - 1;
  const auto source = with_latent_actions(first_episodes(data, options.clips, num_frames), model);
  std::vector<at::Tensor> contexts, actions;
  for (const auto& episode : source.episodes) {
    const auto read = source.read(episode.number, 0, num_frames);
    contexts.push_back(read.frames_THWC.slice(0, 0, options.context_frames));
    actions.push_back(read.actions_TA);
  }
  if (contexts.empty()) {
    throw UsageError(c10::str("bench rollout: no episode of ", glob, " has ", num_frames,
                              " frames, as --context and --frames need; give smaller ones"));
  }
  const size_t known = contexts.size();
  for (size_t i = known; i < static_cast<size_t>(options.clips); ++i) {
    contexts.push_back(contexts[i % known]);
    actions.push_back(actions[i % known]);
  }
  return {at::stack(contexts), at::stack(actions)};
}

/// Of a product of 1,024 squared, on the threads of the bench.
struct MachineRate {
  double bf16 = measure_peak_flops(at::kCPU, true) / 1e9;
  double fp32 = measure_peak_flops(at::kCPU, false) / 1e9;
};

constexpr const char* kOtherWay = "from the window again";

std::vector<BenchResult> figures_of(const RolloutBench& bench, const std::string& shape) {
  const auto& ours = bench.from_memory;
  const auto& other = bench.recomputed;
  const std::string start = "rollout/from_memory/" + shape;
  std::vector<BenchResult> figures = {
      {start, "frames/s", bench.frames_per_s(ours), "", 0, 0},
      {start + "/first_frame", "ms", ours.first_frame_s * 1e3, "", 0, 0},
      {start + "/further_frame", "ms", bench.further_frame_s(ours) * 1e3, "", 0, 0}};
  if (other.rollout_s > 0) {
    figures[0].peer = kOtherWay, figures[0].peer_value = bench.frames_per_s(other);
    figures[0].ratio = bench.ratio();
    figures.push_back({start + "/largest_difference", "1", bench.largest_difference, "", 0, 0});
  }
  for (const auto& operation : bench.operations) {
    figures.push_back(
        {start + "/operation/" + operation.name, "ms", operation.self_s * 1e3, "", 0, 0});
  }
  return figures;
}

void print(const MachineRate& rate) {
  std::printf("a product of 1,024 squared runs at %.0f GFLOP/s in bf16, %.0f in fp32\n", rate.bf16,
              rate.fp32);
}

void print(const char* way, const RolloutBench& bench, const RolloutTime& time) {
  std::printf("%-22s %9.1f  %10.3f  %14.2f  %16.2f\n", way, bench.frames_per_s(time),
              1e3 / bench.frames_per_s(time), time.first_frame_s * 1e3,
              bench.further_frame_s(time) * 1e3);
}

void print_operations(const RolloutBench& bench) {
  const double frame_s = bench.further_frame_s(bench.from_memory);
  std::printf("\n ms a further frame  calls  operation from memory (timed one by one)\n");
  double rest_s = 0;
  for (const auto& operation : bench.operations) {
    if (operation.self_s < 0.01 * frame_s) {
      rest_s += operation.self_s;
      continue;
    }
    std::printf("%19.3f  %5.0f  %s\n", operation.self_s * 1e3, operation.calls,
                operation.name.c_str());
  }
  std::printf("%19.3f         in other operations\n", rest_s * 1e3);
}

void print(const RolloutBench& bench) {
  std::printf("\n%-22s  frames/s  ms a frame  first frame ms  further frame ms\n", "");
  print("from memory", bench, bench.from_memory);
  if (bench.recomputed.rollout_s > 0) {
    print(kOtherWay, bench, bench.recomputed);
    std::printf(
        "from memory is %.2f times faster; while both see the same frames, they differ by "
        "%.1e at most\n",
        bench.ratio(), bench.largest_difference);
  }
  if (!bench.operations.empty()) print_operations(bench);
}

int bench_rollout_command(const BenchRolloutArguments& options) {
  auto subject = open(*options.subject);
  require_predictions(*subject.model, options.subject->path);
  at::set_num_threads(static_cast<int>(options.threads));
  const auto clips = first_clips(subject.data, *subject.model, subject.config.data.train, options);
  const MachineRate before;
  if (!options.json) {
    std::printf("%lld clips, %lld frames of context, %lld dreamed; %s; threads: %lld\n",
                static_cast<long long>(options.clips),
                static_cast<long long>(options.context_frames),
                static_cast<long long>(options.frames), subject.config.trainer.precision.c_str(),
                static_cast<long long>(options.threads));
    print(before);
  }
  const RolloutOptions rollout = rollout_options(subject.config.evaluate);
  const auto bench =
      bench_rollout(*subject.model, clips, rollout,
                    {options.rounds, options.only_memory, subject.config.data.clip_frames - 1});
  const MachineRate after;
  if (!options.out.empty()) {
    const auto& dreamed = bench.dreamed_BTHWC.contiguous();
    write_durably(options.out, {static_cast<const char*>(dreamed.const_data_ptr()),
                                static_cast<size_t>(dreamed.nbytes())});
  }
  if (options.json) {
    auto figures =
        figures_of(bench, c10::str(subject.config.trainer.precision, "/clips", options.clips,
                                   "-context", options.context_frames, "-frames", options.frames,
                                   "-threads", options.threads));
    figures.push_back({"machine/product/bf16/1024", "GFLOP/s", after.bf16, "", 0, 0});
    figures.push_back({"machine/product/fp32/1024", "GFLOP/s", after.fp32, "", 0, 0});
    return print_json(figures), 0;
  }
  print(bench);
  print(after);
  return 0;
}

CommandBody set_up_bench_rollout(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = std::make_shared<BenchRolloutArguments>();
  options->subject = add_config_arguments(
      app, "CONFIG_OR_RUN", "a config file, or the folder of a run or of one of its checkpoints");
  const auto add_count = [&](const char* flag, int64_t& value, const std::string& help) {
    app.add_option(flag, value, c10::str(help, "; default ", value))->check(CLI::Range(1, 1000000));
  };
  add_count("--clips", options->clips, "number of clips to roll out in one batch");
  add_count("--context", options->context_frames, "number of true frames before the rollout");
  add_count("--frames", options->frames, "number of frames to predict per clip");
  add_count("--rounds", options->rounds, "number of times that each is timed");
  add_count("--threads", options->threads, "CPU threads");
  app.add_option(
      "--out", options->out,
      "write the predicted frames here: float32 [clips, frames, height, width, channels]");
  app.add_flag("--only-memory", options->only_memory, "time the rollout with its KV cache only");
  app.add_flag("--json", options->json, "print one JSON value on standard output");
  return [options] { return bench_rollout_command(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(bench_rollout, "bench rollout", "time a rollout with and without its KV cache",
                    set_up_bench_rollout)

}  // namespace nextframe
