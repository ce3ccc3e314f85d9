#include "trainer/commands/held_out.h"

#include <unistd.h>

#include <cstdio>

#include "kernels/torch.h"
#include "launch/device.h"
#include "launch/world.h"
#include "trainer/config/sections.h"
#include "trainer/evaluate/held_out_data.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

std::string choose_glob(const HeldOutArguments& arguments, const LoadedRun& run) {
  if (!arguments.data.empty()) return arguments.data;
  if (!run.config.data.validation.empty()) return run.config.data.validation;
  throw UsageError(run.checkpoint_folder +
                   ": its config names no data.validation; give --data GLOB");
}

void override_sampling(const HeldOutArguments& arguments, Config& config) {
  if (!arguments.denoise_steps && !arguments.guidance) return;
  auto& evaluate = config.evaluate;
  evaluate.denoise_steps = arguments.denoise_steps.value_or(evaluate.denoise_steps);
  evaluate.guidance = arguments.guidance.value_or(evaluate.guidance);
  check_across_sections(config, [&](const std::string& key, const std::string& problem) {
    const bool is_steps = key == "evaluate.denoise_steps";
    if (!is_steps && key != "evaluate.guidance") return;  // not of what was asked for here
    const std::string value =
        is_steps ? std::to_string(evaluate.denoise_steps) : c10::str(evaluate.guidance);
    throw UsageError((is_steps ? "--steps " : "--guidance ") + value + " " + problem);
  });
}

}  // namespace

std::shared_ptr<HeldOutArguments> add_held_out_arguments(CLI::App& app) {
  auto arguments = std::make_shared<HeldOutArguments>();
  app.add_option("RUN_OR_CHECKPOINT", arguments->run_or_checkpoint,
                 "folder of a run (its newest valid checkpoint is taken) or of one checkpoint")
      ->required();
  app.add_option("--data", arguments->data,
                 "glob of held-out HDF5 files; default: data.validation of the run's config");
  app.add_option("--steps", arguments->denoise_steps,
                 "network calls a frame of a sampling objective; default: evaluate.denoise_steps")
      ->check(CLI::Range(1, 65536));
  app.add_option("--guidance", arguments->guidance,
                 "how strongly frames follow their actions; default: evaluate.guidance")
      ->check(CLI::Range(0.0, 100.0));
  return arguments;
}

HeldOut open_held_out(const HeldOutArguments& arguments) {
  auto run = load_run(arguments.run_or_checkpoint);
  override_sampling(arguments, run.config);
  const auto& config = run.config;
  require_threads(config.parallel.threads);
  set_torch_threads(config.parallel.threads);
  const auto num_gpus = static_cast<int64_t>(visible_gpus().size());
  run.model->to(pick_device({config.parallel.device, has_cuda_build(), num_gpus, 0, 1}));
  const auto glob = choose_glob(arguments, run);
  auto data = open_held_out_data(
      glob, config.data.stride_frames,
      {"the training data of " + run.checkpoint_folder, run.shape,
       /*actions=*/{}, run.action_scale},
      arguments.data.empty() ? config.data.validation_as() : config.data.read_as);
  for (const auto& line : describe_held_out_actions(data, glob, run.action_scale)) {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  return {std::move(run), glob, std::move(data)};
}

EvaluationProgress terminal_progress() {
  if (isatty(STDERR_FILENO) == 0) return {};
  return [](const std::string& what, int64_t done, int64_t total) {
    std::fprintf(stderr, "\r\033[K");
    if (done < total) {
      std::fprintf(stderr, "%s: episode %lld of %lld", what.c_str(),
                   static_cast<long long>(done + 1), static_cast<long long>(total));
    }
    std::fflush(stderr);
  };
}

}  // namespace nextframe
