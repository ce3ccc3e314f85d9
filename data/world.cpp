#include "data/world.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/error.h"

namespace nextframe {
namespace {

using ViolationKind = Violation::Kind;

constexpr std::array kRangeNames{"inside", "outside", "combination"};
constexpr std::array kViolationNames{"none",   "vanish", "teleport",    "recolour",
                                     "resize", "stop",   "pass_through"};

void require_request(bool holds, const std::string& what) {
  if (!holds) throw std::invalid_argument("the world cannot be replayed so: " + what);
}

void check_actions(const at::Tensor& actions, const ActionSpace& space, int64_t num_frames) {
  if (!actions.defined()) return;
  require_request(space.kind == ActionSpace::Kind::discrete, "it takes no actions");
  require_request(
      actions.scalar_type() == at::kLong && actions.dim() == 1 && actions.size(0) == num_frames,
      c10::str("needed are int64 [", num_frames, "] actions, got ", actions.scalar_type(), " ",
               actions.sizes()));
  require_request(actions.ge(0).logical_and(actions.lt(space.width)).all().item<bool>(),
                  c10::str("actions are 0 to ", space.width - 1));
}

}  // namespace

std::string to_string(WorldRange range) { return kRangeNames.at(static_cast<size_t>(range)); }

WorldRange world_range_from(const std::string& name) {
  const auto found = std::find(kRangeNames.begin(), kRangeNames.end(), name);
  if (found != kRangeNames.end()) return static_cast<WorldRange>(found - kRangeNames.begin());
  throw std::invalid_argument("unknown range '" + name +
                              "'; known are inside, outside and combination");
}

std::string to_string(ViolationKind kind) { return kViolationNames.at(static_cast<size_t>(kind)); }

std::array<Violation, 4> quadruplet(const Violation& violation) {
  std::array<Violation, 4> four{violation, violation, violation, violation};
  for (size_t i = 0; i < four.size(); ++i) {
    four.at(i).is_altered_before = i % 2 == 1;
    four.at(i).is_altered_after = (i % 2 == 1) == (i < 2);
  }
  return four;
}

RecordedEpisode SimulatedWorld::replay(const EpisodeRequest& request) const {
  const auto num_objects = static_cast<int64_t>(objects.size());
  const auto& violation = request.violation;
  require_request(request.num_frames >= 1, "an episode has 1 frame or more");
  require_request(request.range == WorldRange::inside || !parameters.empty(),
                  "it has no parameters, so its range is inside");
  require_request(request.range != WorldRange::outside ||
                      std::none_of(parameters.begin(), parameters.end(),
                                   [](const auto& parameter) { return parameter.outside.empty(); }),
                  "a parameter has no values outside");
  require_request(request.range != WorldRange::combination || parameters.size() >= 2,
                  "one parameter has no combinations");
  check_actions(request.actions, action_space, request.num_frames);
  require_request(
      request.removed_object >= -1 && request.removed_object < num_objects,
      c10::str("it has ", num_objects, " objects, not one of number ", request.removed_object));
  if (violation.kind != ViolationKind::none) {
    require_request(std::count(violations.begin(), violations.end(), violation.kind) > 0,
                    "it does not show the violation " + to_string(violation.kind));
    require_request(
        violation.object >= 0 && violation.object < num_objects,
        c10::str("it has ", num_objects, " objects, not one of number ", violation.object));
    require_request(violation.frame >= 0 && violation.frame < request.num_frames,
                    c10::str("frame ", violation.frame, " is not one of ", request.num_frames));
  }
  return make(request);
}

std::string to_json(const WorldOrigin& origin) {
  const nlohmann::ordered_json json{{"name", origin.world},
                                    {"range", to_string(origin.range)},
                                    {"seed", origin.first.seed},
                                    {"split", origin.first.split},
                                    {"first_episode", origin.first.index},
                                    {"objects", origin.objects}};
  return json.dump();
}

WorldOrigin world_origin_from_json(const std::string& text) try {
  const auto json = nlohmann::json::parse(text);
  return {json.at("name").get<std::string>(),
          world_range_from(json.at("range").get<std::string>()),
          {json.at("seed").get<uint64_t>(), json.at("split").get<uint64_t>(),
           json.at("first_episode").get<uint64_t>()},
          json.at("objects").get<std::vector<std::string>>()};
} catch (const std::exception& error) {
  throw DataError("the attribute world is not the origin of a simulated shard: " +
                  std::string(error.what()));
}

}  // namespace nextframe
