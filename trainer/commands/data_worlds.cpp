// `nextframe data worlds`: the simulated worlds, and what is known of them.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "data/world.h"
#include "trainer/commands/command.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Interval& interval) { return {interval.low, interval.high}; }

Json to_json(const SimulatedWorld& world) {
  Json parameters = Json::array(), columns = Json::array(), violations = Json::array();
  for (const auto& parameter : world.parameters) {
    Json outside = Json::array();
    for (const auto& interval : parameter.outside) outside.push_back(to_json(interval));
    parameters.push_back({{"name", parameter.name},
                          {"unit", parameter.unit},
                          {"inside", to_json(parameter.inside)},
                          {"outside", outside}});
  }
  for (const auto& column : world.columns) {
    columns.push_back({{"name", column.name}, {"shape", column.shape}, {"what", column.what}});
  }
  for (const auto kind : world.violations) violations.push_back(to_string(kind));
  return {
      {"summary", world.summary}, {"fps", world.fps},         {"actions", world.action_space.names},
      {"objects", world.objects}, {"parameters", parameters}, {"columns", columns},
      {"violations", violations}};
}

std::string in_words(const Interval& interval) {
  std::string text(64, '\0');
  text.resize(static_cast<size_t>(
      std::snprintf(text.data(), text.size(), "%g to %g", interval.low, interval.high)));
  return text;
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

void print(const std::string& name, const SimulatedWorld& world) {
  std::printf("%s\n  %s\n", name.c_str(), world.summary.c_str());
  std::printf("  actions     %s\n", listed(world.action_space.names).c_str());
  if (!world.objects.empty()) std::printf("  objects     %s\n", listed(world.objects).c_str());
  std::vector<std::string> violations;
  for (const auto kind : world.violations) violations.push_back(to_string(kind));
  if (!violations.empty()) std::printf("  violations  %s\n", listed(violations).c_str());
  for (const auto& parameter : world.parameters) {
    std::vector<std::string> outside;
    for (const auto& interval : parameter.outside) outside.push_back(in_words(interval));
    std::printf("  parameter   %-14s %s inside, %s outside; %s\n", parameter.name.c_str(),
                in_words(parameter.inside).c_str(), listed(outside).c_str(),
                parameter.unit.c_str());
  }
  for (const auto& column : world.columns) {
    std::printf("  column      %-18s %-13s %s\n", column.name.c_str(), column.shape.c_str(),
                column.what.c_str());
  }
}

int list_worlds(const std::string& name, bool as_json) {
  const auto& registry = WorldRegistry::instance();
  try {
    if (!name.empty()) registry.get(name, "world");
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  Json all = Json::object();
  for (const auto& known : registry.names()) {
    if (!name.empty() && known != name) continue;
    const auto& world = registry.get(known, "world");
    if (as_json) {
      all[known] = to_json(world);
    } else if (!name.empty()) {
      print(known, world);
    } else {
      std::printf("%-16s %s\n", known.c_str(), world.summary.c_str());
    }
  }
  if (as_json) std::puts(all.dump(2).c_str());
  if (!as_json && name.empty()) {
    std::puts("nextframe data worlds NAME: its actions, objects, parameters and columns");
  }
  return 0;
}

CommandBody set_up_data_worlds(CLI::App& app) {
  app.group(kDataCommands);
  const auto name = std::make_shared<std::string>();
  const auto as_json = std::make_shared<bool>(false);
  app.add_option("NAME", *name, "one world, with its actions, objects, parameters and columns");
  app.add_flag("--json", *as_json, "print one JSON value on standard output");
  return [=] { return list_worlds(*name, *as_json); };
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_COMMAND(data_worlds, "data worlds",
                    "list the simulated worlds, their actions, parameters and true state",
                    nextframe::set_up_data_worlds)
