// nextframe explain KEY: what a config key means, or which keys a section has.
#include <iostream>

#include "trainer/commands/command.h"
#include "trainer/config/field_help.h"

namespace nextframe {
namespace {

CommandBody set_up_explain(CLI::App& app) {
  app.group(kConfigCommands);
  const auto key = std::make_shared<std::string>();
  app.add_option("KEY", *key, "a key such as trainer.steps, or a section such as trainer")
      ->required();
  return [key] {
    std::cout << explain_key(*key) << std::flush;
    return 0;
  };
}

}  // namespace

NF_REGISTER_COMMAND(explain, "explain", "explain a config key or a section", set_up_explain)

}  // namespace nextframe
