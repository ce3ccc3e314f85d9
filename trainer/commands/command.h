// This file is how a subcommand joins the program: one file in trainer/commands/, ending in its
// registration.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "kernels/base/registry.h"

namespace nextframe {

/// What runs when the command was chosen; returns the exit code. Errors are thrown
/// (trainer/exit_code.h).
using CommandBody = std::function<int()>;

/// A subcommand under its name; a name of two words ("data make") becomes a nested one.
struct Command {
  std::string summary;  // one line, for --help
  /// Adds options and positionals to `app` and returns the body that reads them.
  std::function<CommandBody(CLI::App& app)> set_up;
};

using CommandRegistry = Registry<Command>;

}  // namespace nextframe

#define NF_REGISTER_COMMAND(identifier, name, summary, set_up)               \
  namespace {                                                                \
  const bool registered_command_##identifier =                               \
      ::nextframe::CommandRegistry::instance().add(name, {summary, set_up}); \
  }
