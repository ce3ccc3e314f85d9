// parabola: one ball that is thrown, falls and bounces off floor and walls without loss. Between
// bounces the second difference of its height is the gravity, which differs from episode to
// episode: a model can only tell it from the frames it has seen.
#include "data/worlds/scene_world.h"

namespace nextframe::parabola {
namespace {

const std::vector<WorldParameter> kParameters{
    {"gravity", "px/frame^2", {0.08, 0.16}, {{0.03, 0.06}, {0.2, 0.28}}},
    {"speed", "px/frame, sideways", {0.6, 1.6}, {{0.2, 0.45}, {1.9, 2.5}}},
    {"radius", "px", {3.5, 5.5}, {{2.4, 3.1}, {6, 7.5}}}};

SceneEpisode begin(const Parameters& parameters, EpisodeDraws& draws) {
  const double radius = parameters["radius"];
  const double x = draw_in(draws, radius, 64 - radius), y = draw_in(draws, 14, 30);
  Thing ball = disc({x, y}, radius, draw_colours(draws, 1)[0]);
  const double side = draws.integer(0, 1) == 0 ? -1 : 1;
  ball.velocity = {side * parameters["speed"], draw_in(draws, -1.2, 0.4)};
  return {.scene = {.things = {ball}, .num_objects = 1, .gravity = parameters["gravity"]}};
}

using enum Violation::Kind;

// Not `stop`: a ball that rests in mid air is impossible all along, so there is no fair pair to it.
NF_REGISTER_WORLD(parabola, simulated({.summary = "one ball under gravity; 64x64 RGB",
                                       .parameters = kParameters,
                                       .objects = {"ball"},
                                       .violations = {vanish, teleport, recolour, resize},
                                       .begin = begin}))

}  // namespace
}  // namespace nextframe::parabola
