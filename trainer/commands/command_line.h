// The program's command line: the tree of registered commands, its help and its errors.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "trainer/commands/command.h"

namespace nextframe {

struct CommandLine {
  std::unique_ptr<CLI::App> app;
  CommandBody chosen;  // of the command that was parsed
};

/// The tree of every registered command; "data make" stands below "data".
std::unique_ptr<CommandLine> make_command_line();

/// Parses the arguments, runs the chosen command and returns the exit code. Throws UsageError
/// for wrong arguments, and whatever the command throws.
int run_command_line(int argc, const char* const* argv);

}  // namespace nextframe
