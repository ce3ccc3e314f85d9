#include "data/action_space.h"

#include <nlohmann/json.hpp>

#include "data/error.h"

namespace nextframe {

using Kind = ActionSpace::Kind;

std::string to_json(const ActionSpace& space) {
  nlohmann::ordered_json json;
  if (space.kind == Kind::none) json["type"] = "none";
  if (space.kind == Kind::discrete) json = {{"type", "discrete"}, {"n", space.width}};
  if (space.kind == Kind::continuous) json = {{"type", "continuous"}, {"dim", space.width}};
  if (!space.names.empty()) json["names"] = space.names;
  return json.dump();
}

ActionSpace action_space_from_json(const std::string& text) try {
  const auto json = nlohmann::json::parse(text);
  const std::string type = json.at("type");
  ActionSpace space;
  if (type == "discrete") {
    space = {Kind::discrete, json.at("n").get<int64_t>(), {}};
  } else if (type == "continuous") {
    space = {Kind::continuous, json.at("dim").get<int64_t>(), {}};
  } else if (type != "none") {
    throw DataError("unknown type '" + type + "'");
  }
  space.names = json.value("names", std::vector<std::string>{});
  return space;
} catch (const std::exception& error) {
  throw DataError("the attribute action_space is '" + text + "', needed " +
                  R"({"type":"discrete","n":N} or {"type":"continuous","dim":N}: )" + error.what());
}

}  // namespace nextframe
