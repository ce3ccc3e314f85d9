// support: a block is let go above the edge of a table. If its centre comes down over the table it
// stays; if not, it tips over the edge and falls. The two begin alike: what decides is where the
// centre is.
#include "data/worlds/scene_world.h"

namespace nextframe::support {
namespace {

const std::vector<WorldParameter> kParameters{
    {"gravity", "px/frame^2", {0.1, 0.2}, {{0.05, 0.08}, {0.25, 0.35}}},
    {"width", "px, of the block", {12, 20}, {{8, 11}, {22, 26}}},
    {"height", "px, of the block", {8, 14}, {{5, 7}, {16, 18}}}};

constexpr double kTableTop = 34;
constexpr int kSteps = 8;               // a frame
constexpr double kLeavesAtSine = 0.75;  // of its rotation: then the block slides off the edge
constexpr Rgb kTable{120, 124, 136};

/// What the block is doing; angles in radians, clockwise.
struct Motion {
  enum class Phase { falls, rests, tips } phase = Phase::falls;
  double turning = 0;  // radians a frame
};

void land(Thing& block, Motion& motion, double edge, double side) {
  block.position.y = kTableTop - block.half_size.y;
  block.velocity = {};
  const bool is_over_table = side * (block.position.x - edge) <= 0;
  motion.phase = is_over_table ? Motion::Phase::rests : Motion::Phase::tips;
}

/// A rigid body about the table's corner: the torque of its weight over its moment of inertia.
void tip(Thing& block, Motion& motion, Vector corner, double gravity, double time) {
  const Vector arm = block.position - corner, half = block.half_size;
  const double inertia = dot(half, half) / 3 + dot(arm, arm);  // over the mass
  motion.turning += time * arm.x * gravity / inertia;
  const Vector turned_arm = length(arm) * turned(1 / length(arm) * arm, time * motion.turning);
  block.position = corner + turned_arm;
  block.velocity = motion.turning * Vector{-turned_arm.y, turned_arm.x};
  block.direction = turned(block.direction, time * motion.turning);
  if (std::abs(block.direction.y) >= kLeavesAtSine) motion.phase = Motion::Phase::falls;
}

void fall(Thing& block, const Motion& motion, double gravity, double time) {
  block.position = block.position + time * block.velocity + Vector{0, gravity * time * time / 2};
  block.velocity.y += gravity * time;
  block.direction = turned(block.direction, time * motion.turning);
}

SceneEpisode begin(const Parameters& parameters, EpisodeDraws& draws) {
  const double side = draws.integer(0, 1) == 0 ? -1 : 1;  // of the table's free end
  const double edge = 32 + side * draw_in(draws, -4, 4);
  const Vector half{parameters["width"] / 2, parameters["height"] / 2};
  const double off_centre = draw_in(draws, 0.1, 0.8) * half.x;
  const double beyond = draws.integer(0, 1) == 0 ? -off_centre : off_centre;
  const double above = draw_in(draws, 4, 12);
  Thing block =
      box({edge + side * beyond, kTableTop - half.y - above}, half, draw_colours(draws, 1)[0]);
  block.layer = 1;
  Thing table = box({edge - side * 40, kTableTop + 3}, {40, 3}, kTable);
  Thing leg = box({edge - side * 12, 52}, {2.5, 16}, kTable);
  Scene scene{.things = {block, table, leg}, .num_objects = 1, .gravity = parameters["gravity"]};

  const auto advance = [=, motion = Motion{}](Scene& now, int64_t, int64_t) mutable {
    auto& thing = now.things[0];
    now.contacts.assign(2, 0);
    for (int i = 0; i < kSteps; ++i) {
      if (motion.phase == Motion::Phase::falls) fall(thing, motion, now.gravity, 1.0 / kSteps);
      if (motion.phase == Motion::Phase::tips) {
        tip(thing, motion, {edge, kTableTop}, now.gravity, 1.0 / kSteps);
      }
      const bool reaches = thing.position.y + thing.half_size.y >= kTableTop;
      if (thing.is_solid && reaches && thing.direction.y == 0) land(thing, motion, edge, side);
      if (motion.phase != Motion::Phase::falls) now.touch(0, 1);
    }
  };
  return {.scene = scene, .advance = advance};
}

using enum Violation::Kind;

NF_REGISTER_WORLD(support,
                  simulated({.summary = "a block on a table's edge stays or falls; 64x64 RGB",
                             .parameters = kParameters,
                             .objects = {"block"},
                             .violations = {vanish, recolour, pass_through},
                             .begin = begin}))

}  // namespace
}  // namespace nextframe::support
