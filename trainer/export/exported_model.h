// A trained model as other programs read it: weights, description, model card and a loader.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/action_space.h"
#include "trainer/export/safetensors.h"
#include "trainer/load_run.h"
#include "trainer/stages.h"

namespace nextframe {

struct ExportedModel {
  LoadedRun run;
  std::vector<Stage> stages;                // the frozen tokenizers that it works on
  std::optional<ActionSpace> action_space;  // unknown where the data are not there any more
  std::vector<std::string> not_covered;     // what the loader does not know of it
};

/// Loads a run's newest checkpoint, or one checkpoint, on the CPU. Throws CheckpointError.
ExportedModel load_for_export(const std::string& run_or_checkpoint);

/// The weights by their full names: a frozen tokenizer's under "tokenizer.", those of latent
/// actions under "actions.".
NamedTensors exported_weights(const ExportedModel& model);

/// config.json, see docs/export.md.
std::string exported_config(const ExportedModel& model);

/// README.md: what the model is, how good it was found to be, its limits, and how to load it.
std::string model_card(const ExportedModel& model);

/// Writes model.safetensors, nextframe_model.py, README.md and, when the others are there,
/// config.json. Throws UsageError if `folder` is a file or has files, FileError if it cannot be
/// written.
void write_export(const ExportedModel& model, const std::filesystem::path& folder);

/// The first check of write_export(), before the work.
void require_empty_folder(const std::filesystem::path& folder);

}  // namespace nextframe
