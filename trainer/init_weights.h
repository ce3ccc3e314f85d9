// Starting a run from the weights of another one (fine-tuning, `--init`): what has the same name
// and shape is taken, the rest is drawn anew.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launch/communicator.h"
#include "model/world_model.h"
#include "trainer/config/config.h"

namespace nextframe {

/// init.json of a run: where its first weights come from.
struct InitRecord {
  std::string source;      // of --init, as an absolute path
  std::string checkpoint;  // that was read
  int64_t step = 0;        // of it
  std::string digest;
  std::string weights;                 // "ema" or "parameters", as the checkpoint names them
  std::vector<std::string> taken;      // names of parameters
  std::vector<std::string> drawn;      // of this model's, with the reason
  std::vector<std::string> unused;     // of the source's
  std::vector<std::string> differing;  // config keys of the model, "key: the source's → this run's"
};

/// Compares a run or checkpoint with `model`. Takes averaged (EMA) weights where there are any.
/// CheckpointError where it is no checkpoint, or where nothing of it fits.
InitRecord plan_init(const std::string& run_or_checkpoint, const WorldModel& model,
                     const Config& config);

/// Writes down what the new run in `run` is to begin with; with a `source` of "" it is to be
/// nothing.
void begin_init(const std::filesystem::path& run, const std::string& source,
                const WorldModel& model, const Config& config);

/// Nothing where the run has begun with weights of its own.
std::optional<InitRecord> read_init(const std::filesystem::path& run);

/// UsageError unless `source`, the --init of somebody who continues `run`, is what it began with.
void require_same_init(const std::filesystem::path& run, const std::string& source);

/// The weights that `record` takes, in its order. CheckpointError where its checkpoint is gone,
/// damaged, or holds numbers that are not finite.
std::vector<at::Tensor> read_init_weights(const InitRecord& record);

/// Puts the root's weights into every rank's model. Collective; `control` moves host tensors.
void share_init_weights(Communicator& control, WorldModel& model,
                        const std::vector<std::string>& names, std::vector<at::Tensor> weights);

/// Lines for the console: what was taken, drawn anew and left unused.
std::vector<std::string> describe_init(const InitRecord& record);

}  // namespace nextframe
