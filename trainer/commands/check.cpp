// nextframe check CONFIG: everything that is wrong with a config, or every value and its origin.
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "trainer/commands/arguments.h"
#include "trainer/commands/command.h"

namespace nextframe {
namespace {

nlohmann::json to_json(const std::vector<Problem>& problems) {
  auto list = nlohmann::json::array();
  for (const auto& [place, message] : problems) {
    list.push_back({{"file", place.source->name},
                    {"line", place.line},
                    {"column", place.column},
                    {"message", message}});
  }
  return list;
}

nlohmann::json to_json(const std::vector<ResolvedField>& fields) {
  auto list = nlohmann::json::array();
  for (const auto& field : fields) {
    list.push_back({{"key", field.key},
                    {"value", field.value},
                    {"origin", field.origin},
                    {"identity", field.tag == FieldTag::identity}});
  }
  return list;
}

void print(const Config& config) {
  size_t key_width = 0;
  size_t value_width = 0;
  size_t num_given = 0;
  for (const auto& field : config.resolved) {
    key_width = std::max(key_width, field.key.size());
    value_width = std::max(value_width, field.value.size());
    num_given += field.origin != "default";
  }
  for (const auto& [key, value, origin, tag] : config.resolved) {
    std::cout << std::left << std::setw(static_cast<int>(key_width + 2)) << key
              << std::setw(static_cast<int>(value_width + 2)) << value << origin << "\n";
  }
  std::cout << "\nno errors: " << config.resolved.size() << " values, " << num_given
            << " of them given, the others default" << std::endl;
}

int check(const ConfigArguments& arguments, bool as_json) {
  if (!as_json) {
    print(arguments.load());
    return 0;
  }
  nlohmann::json answer;
  try {
    const Config config = arguments.load();
    answer = {{"valid", true}, {"fields", to_json(config.resolved)}};
  } catch (const ConfigError& error) {
    answer = {{"valid", false}, {"problems", to_json(error.problems)}};
  }
  using nlohmann::json;
  std::cout << answer.dump(2, ' ', false, json::error_handler_t::replace) << std::endl;
  return static_cast<int>(answer["valid"] ? ExitCode::done : ExitCode::usage);
}

CommandBody set_up_check(CLI::App& app) {
  app.group(kConfigCommands);
  const auto arguments = add_config_arguments(app);
  const auto as_json = std::make_shared<bool>(false);
  app.add_flag("--json", *as_json, "one JSON value on standard output");
  return [=] { return check(*arguments, *as_json); };
}

}  // namespace

NF_REGISTER_COMMAND(check, "check", "validate a config; print every value and where it came from",
                    set_up_check)

}  // namespace nextframe
