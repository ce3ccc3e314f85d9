// occluders: two balls in lanes of their own pass behind a screen, and come out on the
// other side as they went in. Object permanence: what is hidden goes on moving. The column
// object_visible tells when a ball is hidden, and for how long.
#include "data/worlds/scene_world.h"

namespace nextframe::occluders {
namespace {

const std::vector<WorldParameter> kParameters{
    {"speed", "px/frame", {1, 2.2}, {{0.5, 0.8}, {2.6, 3.4}}},
    {"screen_width", "px", {14, 22}, {{9, 12.5}, {25, 32}}},
    {"radius", "px", {3.5, 5}, {{2.2, 3.1}}}};

constexpr Rgb kScreen{120, 124, 136};

Thing draw_ball(double lane, Rgb colour, const Parameters& parameters, EpisodeDraws& draws) {
  const double radius = parameters["radius"];
  const double from_left = draw_in(draws, radius, radius + 4);
  const bool is_leftwards = draws.integer(0, 1) == 1;
  Thing ball = disc({is_leftwards ? 64 - from_left : from_left, lane}, radius, colour);
  ball.velocity.x = (is_leftwards ? -1 : 1) * parameters["speed"] * draw_in(draws, 0.8, 1);
  return ball;
}

Thing screen_at(double x, double width) {
  Thing screen = box({x, 34}, {width / 2, 26}, kScreen);
  screen.layer = 1;
  screen.is_solid = false;
  return screen;
}

SceneEpisode begin(const Parameters& parameters, EpisodeDraws& draws) {
  const auto colours = draw_colours(draws, 2);
  Scene scene{.num_objects = 2};
  scene.things.push_back(draw_ball(draw_in(draws, 15, 22), colours[0], parameters, draws));
  scene.things.push_back(draw_ball(draw_in(draws, 42, 50), colours[1], parameters, draws));
  const double width = parameters["screen_width"];
  const double room = 64 - 2 * 14 - width;  // between the places where the balls begin
  scene.things.push_back(screen_at(14 + width / 2 + draw_in(draws, 0, room), width));
  return {.scene = scene};
}

using enum Violation::Kind;

NF_REGISTER_WORLD(occluders, simulated({.summary = "two balls pass behind a screen; 64x64 RGB",
                                        .parameters = kParameters,
                                        .objects = {"upper ball", "lower ball"},
                                        .violations = {vanish, teleport, recolour, resize, stop},
                                        .begin = begin}))

}  // namespace
}  // namespace nextframe::occluders
