// two_rooms: an agent walks through two rooms, seen from above in a window that moves with it. It
// goes to and fro through the door, so that what it saw must be there again when it comes back:
// whether a dream remembers a room is measured by going and returning (nextframe replays episodes
// with other actions).
#include "data/worlds/scene_world.h"

namespace nextframe::two_rooms {
namespace {

const std::vector<WorldParameter> kParameters{
    {"step", "px/frame, of the agent", {2, 3}, {{1.2, 1.7}, {3.4, 4}}},
    {"door", "px, height of the door", {12, 18}, {{9, 11}, {20, 26}}}};

constexpr double kLong = 56, kHigh = 44, kWall = 4, kAgentRadius = 3;  // a room, and its walls
constexpr double kHeight = kHigh + 2 * kWall, kWidth = 2 * kLong + 3 * kWall;
constexpr double kMiddle = kWidth / 2;  // x of the wall between the rooms
constexpr double kWander = 0.05;        // share of actions that are random
constexpr Rgb kAgent{255, 140, 40}, kWallColour{112, 108, 128};
enum Action : int64_t { kStay, kLeft, kRight, kUp, kDown, kNumActions };

Thing wall(double left, double top, double right, double bottom) {
  return box({(left + right) / 2, (top + bottom) / 2}, {(right - left) / 2, (bottom - top) / 2},
             kWallColour);
}

Vector point_in_room(EpisodeDraws& draws, int64_t room, double margin) {
  const double left = kWall + static_cast<double>(room) * (kLong + kWall);
  const double x = draw_in(draws, left + margin, left + kLong - margin);
  return {x, draw_in(draws, kWall + margin, kWall + kHigh - margin)};
}

/// Walks from a place in one room through the door to a place in the other, and so on.
class Walk {
 public:
  Walk(EpisodeDraws draws, int64_t room, double door_y)
      : draws_(draws), room_(room), door_y_(door_y), goal_(before_door()) {}

  int64_t operator()(const Scene& scene, int64_t) {
    const bool wanders = draws_.next() < kWander;
    const int64_t random = draws_.integer(kLeft, kDown);
    if (wanders) return random;
    Vector way = goal_ - scene.things[0].position;
    if (std::abs(way.x) <= kNear && std::abs(way.y) <= kNear) {
      arrive();
      way = goal_ - scene.things[0].position;
    }
    if (std::abs(way.x) > std::abs(way.y)) return way.x < 0 ? kLeft : kRight;
    return way.y < 0 ? kUp : kDown;
  }

 private:
  static constexpr double kNear = 2;  // half of the longest step

  Vector before_door() const {
    return {kMiddle + (room_ == 0 ? -1 : 1) * (kWall / 2 + kAgentRadius + 3), door_y_};
  }

  /// The next of: this side of the door, that side, a place in that room.
  void arrive() {
    if (stage_ == 0) room_ = 1 - room_;
    goal_ = stage_ == 1 ? point_in_room(draws_, room_, 8) : before_door();
    stage_ = (stage_ + 1) % 3;
  }

  EpisodeDraws draws_;
  int64_t room_;
  double door_y_;
  Vector goal_;
  int64_t stage_ = 0;
};

void look_at_agent(Scene& scene) { scene.camera = scene.things[0].position - Vector{32, 32}; }

SceneEpisode begin(const Parameters& parameters, EpisodeDraws& draws) {
  const double stride = parameters["step"], half_door = parameters["door"] / 2;
  const double door_y = kWall + draw_in(draws, half_door + 2, kHigh - half_door - 2);
  const auto colours = draw_colours(draws, 4);
  const int64_t room = draws.integer(0, 1);
  Scene scene{.num_objects = 5, .restitution = 0, .has_walls = false};
  scene.things.push_back(disc(point_in_room(draws, room, 10), kAgentRadius, kAgent));
  for (int64_t k = 0; k < 4; ++k) {  // two marks on the floor of each room
    const Vector place = point_in_room(draws, k / 2, 7);
    const double half = draw_in(draws, 2.5, 4.5);
    const auto& colour = colours[static_cast<size_t>(k)];
    scene.things.push_back(k % 2 == 0 ? disc(place, half, colour)
                                      : box(place, {half, half}, colour));
    scene.things.back().is_solid = false;
    scene.things.back().layer = -1;
  }
  scene.things.push_back(wall(0, 0, kWidth, kWall));
  scene.things.push_back(wall(0, kHeight - kWall, kWidth, kHeight));
  scene.things.push_back(wall(0, 0, kWall, kHeight));
  scene.things.push_back(wall(kWidth - kWall, 0, kWidth, kHeight));
  const double left = kMiddle - kWall / 2, right = kMiddle + kWall / 2;
  scene.things.push_back(wall(left, 0, right, door_y - half_door));
  scene.things.push_back(wall(left, door_y + half_door, right, kHeight));
  look_at_agent(scene);

  const auto advance = [stride](Scene& now, int64_t, int64_t action) {
    const Vector ways[kNumActions] = {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    auto& agent = now.things[0];
    const Vector before = agent.position;
    agent.velocity = stride * ways[action];
    step(now);
    agent.velocity = agent.position - before;
    look_at_agent(now);
  };
  return {.scene = scene, .advance = advance, .choose_action = Walk(draws, room, door_y)};
}

using enum Violation::Kind;

NF_REGISTER_WORLD(two_rooms,
                  simulated({.summary = "an agent in two rooms, in a moving window; 64x64 RGB",
                             .parameters = kParameters,
                             .objects = {"agent", "disc in first room", "box in first room",
                                         "disc in second room", "box in second room"},
                             .violations = {vanish, teleport, recolour, resize},
                             .begin = begin,
                             .actions = {"stay", "left", "right", "up", "down"}}))

}  // namespace
}  // namespace nextframe::two_rooms
