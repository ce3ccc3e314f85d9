#include "data/action_space.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/error.h"

namespace nextframe {

using Kind = ActionSpace::Kind;

std::string to_json(const ActionSpace& space) {
  nlohmann::ordered_json json;
  if (space.kind == Kind::none) json["type"] = "none";
  if (space.kind == Kind::discrete) json = {{"type", "discrete"}, {"n", space.width}};
  if (space.kind == Kind::continuous) json = {{"type", "continuous"}, {"dim", space.width}};
  if (space.kind == Kind::multi_binary) json = {{"type", "multi_binary"}, {"n", space.width}};
  if (!space.names.empty()) json["names"] = space.names;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);  // names are bytes
}

bool are_names_alike(const ActionSpace& a, const ActionSpace& b) {
  const auto count = static_cast<std::ptrdiff_t>(std::min(a.names.size(), b.names.size()));
  return std::equal(a.names.begin(), a.names.begin() + count, b.names.begin());
}

std::string names_of(const ActionSpace& space) {
  constexpr size_t kMost = 8;
  std::string text;
  for (size_t i = 0; i < std::min(space.names.size(), kMost); ++i) {
    text += (i > 0 ? ", " : "") + space.names[i];
  }
  return text + (space.names.size() > kMost ? ", ..." : "");
}

void check_choice(int64_t largest, const std::string& source) {
  if (largest < kMaxChoices) return;
  throw DataError(source + ": an action is the integer " + std::to_string(largest) +
                  ", which makes it one of that many choices; the most is " +
                  std::to_string(kMaxChoices) +
                  ". Number the choices that occur from 0, or store what the integer is made of "
                  "(keys, buttons) as booleans [T, A]");
}

ActionSpace action_space_from_json(const std::string& text) try {
  const auto json = nlohmann::json::parse(text);
  const std::string type = json.at("type");
  ActionSpace space;
  if (type == "discrete") {
    space = {Kind::discrete, json.at("n").get<int64_t>(), {}};
  } else if (type == "continuous") {
    space = {Kind::continuous, json.at("dim").get<int64_t>(), {}};
  } else if (type == "multi_binary") {
    space = {Kind::multi_binary, json.at("n").get<int64_t>(), {}};
  } else if (type != "none") {
    throw DataError("unknown type '" + type + "'");
  }
  space.names = json.value("names", std::vector<std::string>{});
  const auto num_names = static_cast<int64_t>(space.names.size());
  if (space.kind != Kind::none && (space.width < 1 || space.width > kMaxActionWidth)) {
    throw DataError(std::to_string(space.width) + " is not 1 to " +
                    std::to_string(kMaxActionWidth));
  }
  if (num_names > 0 && num_names != space.width) {
    throw DataError(std::to_string(num_names) + " names for " + std::to_string(space.width));
  }
  return space;
} catch (const std::exception& error) {
  throw DataError("the attribute action_space is '" + text.substr(0, 200) + "', needed " +
                  R"({"type":"discrete","n":N}, {"type":"continuous","dim":N} or )" +
                  R"({"type":"multi_binary","n":N}: )" + error.what());
}

}  // namespace nextframe
