#include "trainer/commands/config_arguments.h"

#include <algorithm>

namespace nextframe {
namespace {

/// Words that --set took although they are no assignment: CONFIG behind it, as in
/// `train --set a.b=c run.yaml`.
void give_back_path(ConfigArguments& arguments) {
  auto& words = arguments.overrides;
  const auto path = std::find_if(words.begin(), words.end(), [](const std::string& word) {
    return word.find('=') == std::string::npos;
  });
  if (!arguments.path.empty() || path == words.end()) return;
  arguments.path = *path;
  words.erase(path);
}

}  // namespace

std::shared_ptr<const ConfigArguments> add_config_arguments(CLI::App& app, const std::string& name,
                                                            const std::string& help) {
  auto arguments = std::make_shared<ConfigArguments>();
  app.add_option(name, arguments->path, help);
  app.add_option("--set", arguments->overrides,
                 "values that come before the file's, section.key=value")
      ->type_name("a.b=c ...");
  app.parse_complete_callback([arguments, name] {
    give_back_path(*arguments);
    if (arguments->path.empty()) throw CLI::RequiredError(name);
  });
  return arguments;
}

}  // namespace nextframe
