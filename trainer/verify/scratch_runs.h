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
  std::vector<std::string> overrides;  // after those of the command line, so they win
};

class ScratchRuns {
 public:
  /// A new folder below `parent`; its end removes it, unless keep() was called.
  ScratchRuns(const std::filesystem::path& parent, std::string config,
              std::vector<std::string> overrides, double limit_s);
  ~ScratchRuns();
  ScratchRuns(const ScratchRuns&) = delete;
  ScratchRuns& operator=(const ScratchRuns&) = delete;

  /// "" when it ended well, else how it ended and its last words. A run that is there goes on.
  /// Throws ExitError with code 130 after Ctrl-C.
  std::string train(const ScratchRun& run);

  /// Of the checkpoint after `step`.
  std::filesystem::path checkpoint(const std::string& name, int64_t step) const;

  /// A copy of a run that knows nothing of what came after `step`.
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
