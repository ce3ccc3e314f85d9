// Starting a run from the weights of another one (fine-tuning, `--init`): parameters of the same
// name and shape are taken, the others are initialized as usual.
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
  std::string source;      // what --init named, as an absolute path
  std::string checkpoint;  // the checkpoint that was read
  int64_t step = 0;        // of that checkpoint
  std::string digest;
  std::string weights;                 // "ema" or "parameters", as the checkpoint names them
  std::vector<std::string> taken;      // names of parameters taken from the source
  std::vector<std::string> drawn;      // parameters initialized as usual, each with the reason
  std::vector<std::string> unused;     // names of the source's parameters that were not taken
  std::vector<std::string> differing;  // config keys of the model, "key: the source's → this run's"
};

/// Decides which weights of a run or checkpoint fit `model`; prefers its EMA weights. Throws
/// CheckpointError if it is no checkpoint, or if nothing of it fits.
InitRecord plan_init(const std::string& run_or_checkpoint, const Model& model,
                     const Config& config);

/// Writes init.json of the new run in `run`. A `source` of "" means a run without --init;
/// then throws UsageError if an earlier start with --init ended here before it began.
void begin_init(const std::filesystem::path& run, const std::string& source, const Model& model,
                const Config& config);

/// Reads init.json; nothing if the run was started without --init.
std::optional<InitRecord> read_init(const std::filesystem::path& run);

/// Throws UsageError if a run is continued with another `--init` than the one it began with.
void require_same_init(const std::filesystem::path& run, const std::string& source);

/// The weights named by record.taken, in that order. Throws CheckpointError if the checkpoint is
/// gone or damaged, or holds numbers that are not finite.
std::vector<at::Tensor> read_init_weights(const InitRecord& record);

/// Broadcasts rank 0's `weights` into the parameters `names` of every rank's model. Collective;
/// `control` moves host tensors.
void share_init_weights(Communicator& control, Model& model, const std::vector<std::string>& names,
                        std::vector<at::Tensor> weights);

/// Lines for the console: what was taken, drawn anew and left unused.
std::vector<std::string> describe_init(const InitRecord& record);

}  // namespace nextframe
