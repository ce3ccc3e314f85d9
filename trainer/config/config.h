// A whole config: every section, where each value came from, and the model that it describes. Also
// compares two configs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "model/action_form.h"
#include "model/tokenizer/tokenizer.h"
#include "model/world_model.h"
#include "trainer/config/problems.h"
#include "trainer/exit_code.h"
#include "trainer/schedule.h"
#include "trainer/trainer_config.h"

namespace nextframe {

class Objective;

/// One value of the resolved config, for printing, comparing and saving.
struct ResolvedField {
  std::string key;     // "trainer.steps"
  std::string value;   // as YAML would write it
  std::string origin;  // "default", "file.yaml:14:3" or "--set"
  FieldTag tag;
};

/// All problems of a config. Each line of the message names its place.
struct ConfigError : UsageError {
  explicit ConfigError(std::vector<Problem> all)
      : UsageError(to_string(all)), problems(std::move(all)) {}
  std::vector<Problem> problems;
};

struct Config {
  RunConfig run;
  DataConfig data;
  ActionForm actions;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  TrainerConfig trainer;
  ParallelConfig parallel;
  CheckpointConfig checkpoint;
  EvaluateConfig evaluate;

  std::vector<ResolvedField>
      resolved;  // every field of every section, `model.*` and `objective.*` included

  /// A field's value as YAML would write it; "" if there is no such field.
  std::string value_of(const std::string& key) const;

  /// The tokenizer that this config trains by itself: then it has no model, objective or actions.
  bool trains_tokenizer() const;

  /// The `tokenizer` section of `name: trained`; `from` is empty where frames are pixels.
  TrainedTokenizer tokenizer() const;

  /// What is trained: model.name, or tokenizer.name.
  std::string trained_part() const;

  /// The objective of the `objective` section.
  std::shared_ptr<Objective> make_objective() const;

  /// Reports the fields of the model section with which `asked` is not there, see ModelEntry.
  void check_model(const Traits& asked, const Report& report) const;

  /// Builds what is trained, the model of the `model`, `objective` and `actions` sections or a
  /// tokenizer, for data of this shape, with parameters drawn from trainer.seed. A model on latents
  /// needs its `tokenizer`, one of latent actions theirs (trainer/stages.h). Throws UsageError if
  /// the sections do not fit the data.
  std::shared_ptr<WorldModel> make_model(const ClipShape& shape,
                                         std::shared_ptr<Tokenizer> tokenizer = nullptr,
                                         std::shared_ptr<Tokenizer> latent_actions = nullptr) const;

  /// Gives a field another value and says where that came from.
  void set_resolved(const std::string& key, const std::string& value, const std::string& origin);
};

/// Reads `path` (and what it extends), applies `overrides` ("a.b=c") and checks everything.
/// Throws ConfigError whose message lists every problem, "file:line:column  error  ...".
Config load_config(const std::string& path, const std::vector<std::string>& overrides = {});

/// The same from the text of a run's resolved.yaml; messages call it `name`.
Config parse_config(const std::string& text, const std::string& name,
                    const std::vector<std::string>& overrides = {});

/// resolved.yaml: every key with its value, and its origin as a comment.
std::string to_yaml(const Config& config);

/// Lines "key: old → new", in the order of the fields.
struct ConfigDifferences {
  std::vector<std::string> identity;  // these make it another run: needs --fork
  std::vector<std::string> free;      // the same run can go on with these
};

/// `trainer.steps` may grow if the schedule does not depend on the last step (constant), or
/// only near its end (wsd). Data paths are free: fingerprints are compared when the data is
/// opened.
ConfigDifferences compare_configs(const Config& before, const Config& now);

/// Why a line of `identity` makes another run: "its draws and the order of its clips would change".
std::string why_another_run(const std::string& difference, const Config& now);

/// Why a line of `free` does not: "no number of the run depends on it".
std::string why_same_run(const std::string& difference);

}  // namespace nextframe
