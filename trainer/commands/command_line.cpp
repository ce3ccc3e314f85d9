#include "trainer/commands/command_line.h"

#include <algorithm>
#include <iostream>
#include <vector>

#include "launch/environment.h"
#include "trainer/exit_code.h"
#include "trainer/version.h"

namespace nextframe {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 internal error, 2 usage or config, 3 data, 4 checkpoint,\n"
    "5 environment, 6 numerics or verify failed, 7 out of memory, 75 preempted and\n"
    "saved, 86 hang, 93 no progress, 130 interrupted and saved.";

/// Commands below `app`, without its nameless groups of options.
std::vector<CLI::App*> commands_of(CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
}

CLI::App* find_command(CLI::App& app, const std::string& name) {
  for (CLI::App* command : commands_of(app)) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

std::string path_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

void add_command(CommandLine& line, const std::string& name, const Command& command) {
  const auto space = name.find(' ');
  CLI::App* parent = line.app.get();
  if (space != std::string::npos) {
    const std::string first = name.substr(0, space);
    parent = find_command(*line.app, first);
    if (parent == nullptr) {
      parent = line.app->add_subcommand(first);
      parent->require_subcommand(1);
    }
    const auto before = parent->get_description();
    parent->description(before + (before.empty() ? "" : ", ") + name.substr(space + 1));
  }
  CLI::App* app = parent->add_subcommand(space == std::string::npos ? name : name.substr(space + 1),
                                         command.summary);
  app->group("Commands");
  app->footer("");  // else it inherits the list of exit codes
  app->final_callback([&line, body = command.set_up(*app)] { line.chosen = body; });
  if (parent != line.app.get()) {
    parent->group(app->get_group());
    app->group("Commands");
  }
}

/// Words that are no command, found before CLI11 reports a missing one.
void refuse_unknown_command(CLI::App& root, const std::vector<std::string>& words) {
  CLI::App* app = &root;
  for (const auto& word : words) {
    const auto commands = commands_of(*app);
    if (commands.empty() || word.starts_with('-')) return;
    CLI::App* command = find_command(*app, word);
    if (command == nullptr) {
      std::vector<std::string> names;
      for (const CLI::App* known : commands) names.push_back(known->get_name());
      const std::string suggestion = did_you_mean(word, names);
      throw UsageError("unknown command '" + word + "' of " + path_of(*app) +
                       (suggestion.empty() ? "" : "; did you mean '" + suggestion + "'?") +
                       "\nRun '" + path_of(*app) + " --help' for the list.");
    }
    app = command;
  }
}

CLI::App& innermost(CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.back());
}

/// "--fps: '29.97' is no whole number; frames per second, noted in the shards": what CLI11 could
/// not convert, and what was wanted. "" where it is not known.
std::string explain_conversion(const CLI::App& app, const std::string& message) {
  for (const CLI::Option* option : app.get_options()) {
    const auto name = option->get_name();
    if (option->results().empty() || message.find(name) == std::string::npos) continue;
    const auto type = option->get_type_name();
    const bool is_whole = type.find("INT") != std::string::npos;
    if (!is_whole && type.find("FLOAT") == std::string::npos) continue;
    const auto is_number = [is_whole](const std::string& text) {
      int64_t whole = 0;
      double real = 0;
      return is_whole ? CLI::detail::lexical_cast(text, whole)
                      : CLI::detail::lexical_cast(text, real);
    };
    if (std::ranges::all_of(option->results(), is_number)) continue;  // one out of its range
    return name + ": '" + CLI::detail::join(option->results(), " ") + "' is " +
           (is_whole ? "no whole number that fits" : "no number") +
           "; needed: " + option->get_description();
  }
  return "";
}

/// "unknown flag '--ste'; did you mean '--set'?", or CLI11's own words for other errors.
std::string explain_error(CLI::App& root, const CLI::ParseError& error) {
  CLI::App& app = innermost(root);
  std::string message = error.what();
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr ||
      dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) {
    const auto explained = explain_conversion(app, message);
    if (!explained.empty()) message = explained;
    // CLI11 writes the largest number that there is, in 309 digits.
    const auto bounds = message.find(" not in range 0.000000 to 1797");
    if (bounds != std::string::npos) message = message.substr(0, bounds) + " is too small";
  }
  for (const auto& word : app.remaining()) {
    if (!word.starts_with("--")) continue;
    const std::string flag = word.substr(0, word.find('='));
    std::vector<std::string> flags;
    for (const CLI::Option* option : app.get_options()) {
      for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    }
    const std::string suggestion = did_you_mean(flag, flags);
    message = "unknown flag '" + flag + "' of " + path_of(app) +
              (suggestion.empty() ? "" : "; did you mean '" + suggestion + "'?");
    break;
  }
  return message + "\nRun '" + path_of(app) + " --help' for its arguments.";
}

}  // namespace

std::unique_ptr<CommandLine> make_command_line() {
  auto line = std::make_unique<CommandLine>();
  line->app = std::make_unique<CLI::App>(
      "Trains world models: networks that predict the next frame.", "nextframe");
  line->app->set_version_flag("--version", version_text, "Print what build this is and exit");
  line->app->require_subcommand(1);
  line->app->footer(kExitCodes);
  const auto& registry = CommandRegistry::instance();
  for (const auto& name : registry.names()) add_command(*line, name, *registry.find(name));
  return line;
}

int run_command_line(int argc, const char* const* argv) {
  const auto line = make_command_line();
  CLI::App& app = *line->app;
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) throw UsageError("which command?\n\n" + app.help());
  refuse_unknown_command(app, words);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 pops from the back
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw UsageError(explain_error(app, error));
    return read_launcher_environment().rank == 0 ? app.exit(error) : 0;  // --help or --version
  }
  return line->chosen();
}

}  // namespace nextframe
