// Short runs of a config in a temporary folder, each started as a process of its own, alone or
// under mpirun.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launch/signals.h"

namespace nextframe {

struct ScratchRun {
  std::string name;  // its folder
  int64_t ranks = 1;
  int64_t steps = 1;
  int64_t save_every_steps = 1;
  std::vector<std::string> overrides;  // these win over those of the command line
};

class ScratchRuns {
 public:
  /// Makes a new folder below `parent`; the destructor removes it, unless keep() was called.
  ScratchRuns(const std::filesystem::path& parent, std::string config,
              std::vector<std::string> overrides, double limit_s);
  ~ScratchRuns();
  ScratchRuns(const ScratchRuns&) = delete;
  ScratchRuns& operator=(const ScratchRuns&) = delete;

  /// Returns "" if the run ended well, else how it ended and its last output. An existing run
  /// continues. Throws ExitError with code 130 after Ctrl-C.
  std::string train(const ScratchRun& run);

  /// The folder of the checkpoint after `step`.
  std::filesystem::path checkpoint(const std::string& name, int64_t step) const;

  /// Copies a run as it was after `step`.
  void copy_until(const std::string& name, int64_t step, const std::string& copy);

  void keep() { is_kept_ = true; }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::vector<std::string> words_of(const ScratchRun& run) const;

  std::filesystem::path folder_;
  std::string config_;
  std::vector<std::string> overrides_;
  double limit_s_;
  bool is_kept_ = false;
  SignalWatch signals_;
};

}  // namespace nextframe
