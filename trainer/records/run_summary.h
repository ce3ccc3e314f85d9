// What a run's folder says of the run: how far it is, how good, and whether somebody trains it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nextframe {

struct RunSummary {
  std::filesystem::path path;
  /// running | finished | preempted | interrupted | failed, as status.json has it; "killed" where
  /// it says running and no process holds the run; "starting" where one does, before there is a
  /// status.json; "" without it.
  std::string state;
  int64_t step = 0, steps = 0;
  std::string what;                         // "space_time_transformer, regress", or a tokenizer
  std::string updated;                      // UTC, of status.json
  std::optional<double> loss, step_s;       // of the newest line of metrics.jsonl
  std::optional<double> over_copy_last;     // one-step error of the newest evaluation with it
  std::optional<double> tokenizer_psnr_db;  // of a tokenizer's
  std::optional<int64_t> evaluated_step;    // at which that was
};

/// Whether the folder is a run's: it has a resolved.yaml.
bool is_run_folder(const std::filesystem::path& folder);

/// The runs in `folder`, by path: itself, or folders in it, up to three deep. Stages, checkpoints
/// and evaluations of a run are no runs.
std::vector<std::filesystem::path> runs_in(const std::filesystem::path& folder);

/// Files that are damaged or not there leave their fields empty. Changes nothing.
RunSummary summarise_run(const std::filesystem::path& run);

}  // namespace nextframe
