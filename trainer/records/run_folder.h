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

/// A lock on a run: no second process trains it or removes its checkpoints. The system
/// releases it when the process ends, however it ends.
class RunLock {
 public:
  RunLock() = default;
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  /// Throws EnvironmentError if another process has locked `run`.
  void take(const std::filesystem::path& run);

 private:
  int descriptor_ = -1;
};

/// --run, else runs/<run.name or the config file's stem>.
std::filesystem::path run_folder_path(const Config& config, const std::string& config_path,
                                      const std::string& run_option);

/// Makes the folder with config.yaml, resolved.yaml and resume.sh, or recognises the run that
/// is there. Throws UsageError, with the differences and the --fork command, if that run has
/// another identity, and EnvironmentError if the folder cannot be written. Root only.
RunFolder open_run_folder(const std::filesystem::path& path, const Config& config,
                          const std::string& config_path,
                          const std::vector<std::string>& command_line);

/// Records the config's free differences and writes resume.sh, once the run has accepted this
/// config's data and checkpoint. Root only.
void accept_config(const RunFolder& folder, const Config& config,
                   const std::vector<std::string>& command_line);

/// Writes status.json, for scripts that watch a run. Root only.
///   state  running | finished | preempted | interrupted
void write_status(const RunFolder& folder, const std::string& state, int64_t step, int64_t steps);

}  // namespace nextframe
