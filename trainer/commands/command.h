// The interface of subcommands: one file each in trainer/commands/, ending with its registration.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "kernels/base/registry.h"

namespace nextframe {

/// What runs when the command was chosen; returns the exit code. Errors are thrown
/// (trainer/exit_code.h).
using CommandBody = std::function<int()>;

/// Headings of `nextframe --help`.
inline constexpr const char* kTrainingCommands = "Train and prove";
inline constexpr const char* kModelCommands = "Look at what was learned";
inline constexpr const char* kConfigCommands = "Configs and this machine";
inline constexpr const char* kDataCommands = "Data, checkpoints and export";

/// A subcommand under its name; a name of two words ("data make") becomes a nested one.
struct Command {
  std::string summary;  // one line, for --help
  /// Adds options and positionals to `app` and returns the body that reads them. May put the
  /// command under a heading of the help: app.group(kTrainingCommands).
  std::function<CommandBody(CLI::App& app)> set_up;
};

using CommandRegistry = Registry<Command>;

}  // namespace nextframe

#define NF_REGISTER_COMMAND(identifier, name, summary, set_up)               \
  namespace {                                                                \
  const bool registered_command_##identifier =                               \
      ::nextframe::CommandRegistry::instance().add(name, {summary, set_up}); \
  }
