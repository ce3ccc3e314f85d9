// Loads a trained model from a run or from one of its checkpoints, for other commands.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/world_model.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/config/config.h"

namespace nextframe {

struct LoadedRun {
  Config config;
  std::shared_ptr<WorldModel> model;
  ClipShape shape;                // of the clips that it was trained on
  ActionScale action_scale;       // by which it was given their actions
  bool has_ema;                   // the model carries the averaged weights
  int64_t step;                   // of training
  std::string digest;             // of the checkpoint
  std::string run_folder;         // "" for a checkpoint that stands alone
  std::string checkpoint_folder;  // the one that was read
};

/// Loads a checkpoint's folder, or the newest valid checkpoint of a run's folder. `prefer_ema`
/// takes the averaged weights if there are any; `overrides` ("a.b=c") win over its config.
/// Throws CheckpointError.
LoadedRun load_run(const std::string& run_or_checkpoint, bool prefer_ema = true,
                   const std::vector<std::string>& overrides = {});

/// Fills a model from one of a checkpoint's buffers, "ema" or "parameters".
void load_weights(torch::nn::Module& model, const std::filesystem::path& checkpoint,
                  const Manifest& manifest, const std::string& buffer);

/// The checkpoint's folder that `run_or_checkpoint` refers to. Throws CheckpointError.
std::string resolve_checkpoint(const std::string& run_or_checkpoint);

/// Calls `use` with that folder, and again with a newer one where the run, which goes on meanwhile,
/// has pruned it.
template <class Use>
auto with_checkpoint(const std::string& run_or_checkpoint, const Use& use) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    const std::filesystem::path checkpoint = resolve_checkpoint(run_or_checkpoint);
    try {
      return use(checkpoint);
    } catch (const std::exception&) {
      if (attempt == kAttempts || std::filesystem::exists(checkpoint)) throw;
    }
  }
}

}  // namespace nextframe
