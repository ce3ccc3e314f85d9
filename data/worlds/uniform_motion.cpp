// uniform_motion: one ball on a straight line, at constant speed, between elastic walls. The first
// question to a world model: does it go on with a motion that it was shown? PhyWorld (Kang et al.
// 2025, "How far is video generation from world model") asks it inside and outside of the speeds
// and radii that were trained on.
#include "data/worlds/scene_world.h"

namespace nextframe::uniform_motion {
namespace {

const std::vector<WorldParameter> kParameters{
    {"speed", "px/frame", {1, 2.5}, {{0.4, 0.8}, {2.9, 3.8}}},
    {"radius", "px", {3.5, 6}, {{2.4, 3.1}, {6.5, 8.5}}}};

SceneEpisode begin(const Parameters& parameters, EpisodeDraws& draws) {
  const double radius = parameters["radius"];
  Thing ball = disc(draw_position(draws, radius), radius, draw_colours(draws, 1)[0]);
  ball.velocity = parameters["speed"] * draw_direction(draws);
  return {.scene = {.things = {ball}, .num_objects = 1}};
}

using enum Violation::Kind;

NF_REGISTER_WORLD(uniform_motion,
                  simulated({.summary = "one ball at constant speed between walls; 64x64 RGB",
                             .parameters = kParameters,
                             .objects = {"ball"},
                             .violations = {vanish, teleport, recolour, resize, stop},
                             .begin = begin}))

}  // namespace
}  // namespace nextframe::uniform_motion
