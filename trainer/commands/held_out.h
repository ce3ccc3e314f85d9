// What eval and rollout share: a trained model, and held-out data for it.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "data/dataset.h"
#include "trainer/evaluate/predictor.h"
#include "trainer/load_run.h"

namespace nextframe {

struct HeldOutArguments {
  std::string run_or_checkpoint;
  std::string data;  // glob; "" means data.validation of the run's config
};

/// Adds RUN_OR_CHECKPOINT and --data.
std::shared_ptr<HeldOutArguments> add_held_out_arguments(CLI::App& app);

struct HeldOut {
  LoadedRun run;
  std::string glob;
  Dataset data;
};

/// Loads the model onto the device and the threads that its config asks for, and opens the data.
/// DataError when its frames or actions are not those that the model was trained on.
HeldOut open_held_out(const HeldOutArguments& arguments);

/// One redrawn line on standard error if that is a terminal, else nothing; the line is taken away
/// when a pass is done.
EvaluationProgress terminal_progress();

}  // namespace nextframe
