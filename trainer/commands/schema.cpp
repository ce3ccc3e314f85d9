// nextframe schema: the JSON Schema of a config, on standard output.
#include <iostream>

#include "trainer/commands/command.h"
#include "trainer/config/field_help.h"

namespace nextframe {
namespace {

CommandBody set_up_schema(CLI::App& app) {
  app.group(kConfigCommands);
  return [] {
    std::cout << config_schema() << std::endl;
    return 0;
  };
}

}  // namespace

NF_REGISTER_COMMAND(schema, "schema", "print the JSON Schema of a config, for editors",
                    set_up_schema)

}  // namespace nextframe
