// nextframe completion bash|zsh|fish: a shell's completions, from the tree of commands.
#include <iostream>
#include <sstream>

#include "trainer/commands/command_line.h"

namespace nextframe {
namespace {

/// What may follow a command: "data make" -> its commands and flags.
struct Completion {
  std::string path;  // "" for the program itself
  std::vector<std::string> words;
};

void collect(const CLI::App& app, const std::string& path, std::vector<Completion>& all) {
  const auto commands =
      app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
  Completion here{path, {}};
  for (const CLI::App* command : commands) here.words.push_back(command->get_name());
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& flag : option->get_lnames()) here.words.push_back("--" + flag);
  }
  if (app.get_name() == "completion") here.words.insert(here.words.end(), {"bash", "zsh", "fish"});
  all.push_back(here);
  for (const CLI::App* command : commands) {
    collect(*command, path + (path.empty() ? "" : " ") + command->get_name(), all);
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty()) text += " ";
    text += word;
  }
  return text;
}

/// The commands of the line so far, two at most, choose the words; a file name fits everywhere.
std::string for_bash(const std::vector<Completion>& all) {
  std::ostringstream script;
  script << "_nextframe() {\n"
            "  local words current=${COMP_WORDS[COMP_CWORD]}\n"
            "  local one=${COMP_WORDS[1]} two=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n"
            "  [ \"$COMP_CWORD\" -gt 1 ] || one= two=\n"
            "  [ \"$COMP_CWORD\" -gt 2 ] || two=$one\n"
            "  case $two in\n";
  for (const auto& [path, words] : all) {
    if (path.find(' ') != path.npos) {
      script << "    '" << path << "') words='" << joined(words) << "' ;;\n";
    }
  }
  script << "    *) case $one in\n";
  for (const auto& [path, words] : all) {
    if (path.find(' ') == path.npos) {
      script << "      '" << path << "') words='" << joined(words) << "' ;;\n";
    }
  }
  script << "    esac ;;\n"
            "  esac\n"
            "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
            "}\n"
            "complete -o default -F _nextframe nextframe\n";
  return script.str();
}

std::string for_zsh(const std::vector<Completion>& all) {
  return "#compdef nextframe\nautoload -U +X bashcompinit && bashcompinit\n" + for_bash(all);
}

std::string for_fish(const std::vector<Completion>& all) {
  std::ostringstream script;
  for (const auto& [path, words] : all) {
    std::string condition = "__fish_use_subcommand";
    if (!path.empty()) {
      condition.clear();
      std::istringstream commands(path);
      for (std::string command; commands >> command;) {
        if (!condition.empty()) condition += "; and ";
        condition += "__fish_seen_subcommand_from " + command;
      }
    }
    script << "complete -c nextframe -n '" << condition << "' -a '" << joined(words) << "'\n";
  }
  return script.str();
}

CommandBody set_up_completion(CLI::App& app) {
  app.group(kConfigCommands);
  const auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  return [shell] {
    const auto line = make_command_line();
    std::vector<Completion> all;
    collect(*line->app, "", all);
    std::cout << (*shell == "bash"  ? for_bash(all)
                  : *shell == "zsh" ? for_zsh(all)
                                    : for_fish(all))
              << std::flush;
    return 0;
  };
}

}  // namespace

NF_REGISTER_COMMAND(completion, "completion",
                    "print a shell's completions: source <(nextframe completion bash)",
                    set_up_completion)

}  // namespace nextframe
