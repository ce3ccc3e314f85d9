// A run's folder: made once, recognised again, never overwritten.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "trainer/config/config.h"

namespace nextframe {

struct RunFolder {
  std::filesystem::path path;

  std::filesystem::path checkpoints() const { return path / "checkpoints"; }
  std::filesystem::path samples() const { return path / "samples"; }
  std::filesystem::path metrics() const { return path / "metrics.jsonl"; }
  std::filesystem::path log() const { return path / "log"; }
  std::filesystem::path resolved() const { return path / "resolved.yaml"; }
  std::filesystem::path stop_file() const { return path / "STOP"; }
};

/// --run, else runs/<run.name or the config file's stem>.
std::filesystem::path run_folder_path(const Config& config, const std::string& config_path,
                                      const std::string& run_option);

/// Makes the folder with config.yaml, resolved.yaml and resume.sh, or recognises the run that
/// is there. Throws UsageError, with the differences and the --fork command, if that run has
/// another identity, and EnvironmentError if the folder cannot be written. `say` gets each
/// difference with which the run goes on. Root only.
RunFolder open_run_folder(const std::filesystem::path& path, const Config& config,
                          const std::string& config_path,
                          const std::vector<std::string>& command_line,
                          const std::function<void(const std::string&)>& say);

/// Root only, once the run has accepted this config's data and checkpoint: writes down the free
/// differences, and resume.sh, which continues the run from wherever its folder is moved or copied.
void accept_config(const RunFolder& folder, const Config& config);

/// Root only: status.json, for scripts that watch a run. A run can do without it: returns what went
/// wrong, "" if nothing did.
///   state  running | finished | preempted | interrupted | failed
std::string write_status(const RunFolder& folder, const std::string& state, int64_t step,
                         int64_t steps);

}  // namespace nextframe
