// This file is the arguments of `nextframe train`, which `nextframe launch` passes on.
#pragma once

#include <filesystem>

#include "trainer/commands/config_arguments.h"

namespace nextframe {

struct TrainArguments {
  std::shared_ptr<const ConfigArguments> config;
  std::string run, fork;

  /// The run's folder, of `read`, the config that was read.
  std::filesystem::path folder(const Config& read) const;
  /// The words that train in `folder`, or continue there.
  std::vector<std::string> command(const std::filesystem::path& folder) const;
};

/// Adds CONFIG, --set, --run and --fork.
std::shared_ptr<const TrainArguments> add_train_arguments(CLI::App& app);

}  // namespace nextframe
