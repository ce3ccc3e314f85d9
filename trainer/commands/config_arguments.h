// This file is the arguments of every command that reads a config: CONFIG [--set a.b=c ...].
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "trainer/config/config.h"

namespace nextframe {

struct ConfigArguments {
  std::string path;
  std::vector<std::string> overrides;

  Config load() const { return load_config(path, overrides); }
};

/// Adds the positional `name` and --set, which may be given often and takes several values.
std::shared_ptr<const ConfigArguments> add_config_arguments(
    CLI::App& app, const std::string& name = "CONFIG", const std::string& help = "the config file");

}  // namespace nextframe
