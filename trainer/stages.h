// A run that builds on another: the trained tokenizer that a model of latents works on, found,
// copied into the run's folder and recognised by the digest of its weights.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "trainer/config/config.h"

namespace nextframe {

/// Where a tokenizer comes from.
struct TokenizerStage {
  Config config;                     // that trains it
  std::string config_path;           // the file of that config; "" of a run or a checkpoint
  std::filesystem::path run;         // the folder of its run, of a config_path
  std::filesystem::path checkpoint;  // of the trained tokenizer; "" while there is none
  std::string digest;                // of its weights; "" while there are none

  bool is_trained() const { return !checkpoint.empty(); }
};

/// What `trained.from` names: a run, a checkpoint, or the config of a run, which counts as trained
/// once it has finished. Nothing if there is no such thing. Throws UsageError if it trains no
/// tokenizer.
std::optional<TokenizerStage> find_stage(const TrainedTokenizer& trained);

/// The same, preferring the copy that the run in folder `run` has. Throws CheckpointError, with
/// both digests, if the copy, `trained.from` and `trained.digest` are not all one tokenizer, and
/// UsageError if there is neither copy nor `trained.from`.
TokenizerStage require_stage(const TrainedTokenizer& trained, const std::filesystem::path& run);

/// Copies a trained tokenizer into a run's folder, as stages/tokenizer, unless it is there. Root
/// only.
void keep_stage(const TokenizerStage& stage, const std::filesystem::path& run);

/// The tokenizer for frames of `shape`; as it begins if it is not trained. Throws UsageError if it
/// was made for other frames.
std::shared_ptr<Tokenizer> load_stage(const TokenizerStage& stage, const ClipShape& shape);

/// The model of `config` with its tokenizer, if it has one: that of `run`'s folder, or of
/// tokenizer.from, or one that is not trained yet, which is enough to measure and to plan.
std::shared_ptr<WorldModel> make_model_with_stage(const Config& config, const ClipShape& shape,
                                                  const std::filesystem::path& run = {});

}  // namespace nextframe
