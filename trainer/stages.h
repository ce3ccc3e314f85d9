// A run that builds on others: the trained tokenizer that a model of latents works on, and that of
// its latent actions, found, copied into the run's folder and recognised by the digests of their
// weights.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trainer/config/config.h"

namespace nextframe {

/// A tokenizer that a config names.
struct StageSource {
  std::string role;    // the config's section, tokenizer or actions, and the folder in stages/
  std::string from;    // a run, a checkpoint, or the config of a run
  std::string digest;  // of its weights; "" before the run begins

  std::string key() const { return role + ".from"; }
  /// "tokenizer", as messages call it.
  std::string name() const { return role == "actions" ? "tokenizer of actions" : role; }
};

/// Those that a config names, in the order in which they are trained.
std::vector<StageSource> stage_sources(const Config& config);

/// Where a tokenizer comes from.
struct Stage {
  StageSource source;
  Config config;                     // that trains it
  std::string config_path;           // the file of that config; "" of a run or a checkpoint
  std::filesystem::path run;         // the folder of its run, of a config_path
  std::filesystem::path checkpoint;  // of the trained tokenizer; "" while there is none
  std::string digest;                // of its weights; "" while there are none

  bool is_trained() const { return !checkpoint.empty(); }
};

/// What `source.from` names, which counts as trained once its run has finished. Nothing if there is
/// no such thing. Throws UsageError if it trains no tokenizer, or none of actions.
std::optional<Stage> find_stage(const StageSource& source);

/// The same, preferring the copy that the run in folder `run` has. Throws CheckpointError, with
/// both digests, if the copy, `source.from` and `source.digest` are not all one tokenizer, and
/// UsageError if there is neither copy nor `source.from`.
Stage require_stage(const StageSource& source, const std::filesystem::path& run);

/// require_stage() of all that a config names.
std::vector<Stage> require_stages(const Config& config, const std::filesystem::path& run);

/// Copies a trained tokenizer into a run's folder, as stages/tokenizer or stages/actions, unless it
/// is there. Root only.
void keep_stage(const Stage& stage, const std::filesystem::path& run);

/// The tokenizer for frames of `shape`; as it begins if it is not trained. Throws UsageError if it
/// was made for other frames.
std::shared_ptr<Tokenizer> load_stage(const Stage& stage, const ClipShape& shape);

/// The model of `config` on these stages, loaded for frames of `shape`.
/// Throws UsageError where the model or a tokenizer does not fit data of this shape, whatever their
/// size: their parameters get no memory. A model whose tokenizer is yet to be trained is not looked
/// at.
void check_fits(const Config& config, const ClipShape& shape, const std::vector<Stage>& stages);

std::shared_ptr<WorldModel> make_model(const Config& config, const ClipShape& shape,
                                       const std::vector<Stage>& stages);

/// The model of `config` with its tokenizers, if it has any: those of `run`'s folder, or of where
/// the config says, or such as are not trained yet, which is enough to measure and to plan.
std::shared_ptr<WorldModel> make_model_with_stages(const Config& config, const ClipShape& shape,
                                                   const std::filesystem::path& run = {});

}  // namespace nextframe
