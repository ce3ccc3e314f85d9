// What eval and rollout share: a trained model, and held-out data for it.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "trainer/evaluate/predictor.h"
#include "trainer/load_run.h"

namespace nextframe {

struct HeldOutArguments {
  std::string run_or_checkpoint;
  std::string data;                      // glob; "" means data.validation of the run's config
  std::optional<int64_t> denoise_steps;  // in place of evaluate.denoise_steps
  std::optional<double> guidance;        // in place of evaluate.guidance
};

/// Adds RUN_OR_CHECKPOINT, --data, --steps and --guidance.
std::shared_ptr<HeldOutArguments> add_held_out_arguments(CLI::App& app);

struct HeldOut {
  LoadedRun run;
  std::string glob;
  Dataset data;
};

/// Loads the model onto the device and with the threads that its config asks for, and opens
/// the data. Throws DataError if frames or actions do not match the model's training data.
HeldOut open_held_out(const HeldOutArguments& arguments);

/// Shows progress as one redrawn line on standard error if that is a terminal, else not at
/// all. The line is erased when a pass is done.
EvaluationProgress terminal_progress();

}  // namespace nextframe
