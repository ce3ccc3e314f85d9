#include "trainer/commands/held_out.h"

#include <unistd.h>

#include <cstdio>

#include "data/error.h"
#include "kernels/torch.h"
#include "launch/device.h"
#include "launch/world.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

std::string describe(const ClipShape& shape) {
  return c10::str(shape.height_px, "x", shape.width_px, "x", shape.channels, " frames with ",
                  shape.action_width, " action values");
}

void check_shape(const LoadedRun& run, const std::string& glob, const ClipShape& shape) {
  const auto& trained = run.shape;
  if (shape.height_px == trained.height_px && shape.width_px == trained.width_px &&
      shape.channels == trained.channels && shape.action_width == trained.action_width) {
    return;
  }
  throw DataError(c10::str(glob, ": holds ", describe(shape), "; the model of ",
                           run.checkpoint_folder, " was trained on ", describe(trained),
                           "; give --data a glob of such shards"));
}

std::string choose_glob(const HeldOutArguments& arguments, const LoadedRun& run) {
  if (!arguments.data.empty()) return arguments.data;
  if (!run.config.data.validation.empty()) return run.config.data.validation;
  throw UsageError(run.checkpoint_folder +
                   ": its config names no data.validation; give --data GLOB");
}

}  // namespace

std::shared_ptr<HeldOutArguments> add_held_out_arguments(CLI::App& app) {
  auto arguments = std::make_shared<HeldOutArguments>();
  app.add_option("RUN_OR_CHECKPOINT", arguments->run_or_checkpoint,
                 "a run's folder (its newest valid checkpoint), or one checkpoint's")
      ->required();
  app.add_option("--data", arguments->data,
                 "glob of held-out shards; default: data.validation of the run's config");
  return arguments;
}

HeldOut open_held_out(const HeldOutArguments& arguments) {
  auto run = load_run(arguments.run_or_checkpoint);
  const auto& config = run.config;
  require_threads(config.parallel.threads);
  set_torch_threads(config.parallel.threads);
  const auto num_gpus = static_cast<int64_t>(visible_gpus().size());
  run.model->to(pick_device({config.parallel.device, has_cuda_build(), num_gpus, 0, 1}));
  const auto glob = choose_glob(arguments, run);
  Dataset data(glob, config.data.clip_frames, config.data.stride_frames,
               run.shape.action_width / config.data.stride_frames);
  check_shape(run, glob, data.shape());
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
