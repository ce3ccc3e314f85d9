// pendulum: a ball on a rod swings without friction. How fast it swings follows from the length of
// the rod and from gravity, so that period and height of the swing have to agree.
#include "data/worlds/scene_world.h"

namespace nextframe::pendulum {
namespace {

const std::vector<WorldParameter> kParameters{
    {"length", "px", {20, 36}, {{12, 17}, {39, 44}}},
    {"gravity", "px/frame^2", {0.7, 1.5}, {{0.3, 0.55}, {1.8, 2.5}}},
    {"swing", "sine of the greatest angle", {0.35, 0.85}, {{0.15, 0.28}, {0.92, 0.98}}}};

constexpr Vector kPivot{32, 10};
constexpr double kBobRadius = 5, kRodHalfWidth = 0.75;
constexpr int kSteps = 16;  // a frame
constexpr Rgb kRod{150, 152, 160}, kHook{96, 100, 112};

/// Puts ball and rod where `hanging`, the unit vector along the rod, points.
void place(Scene& scene, Vector hanging, double turning, double length) {
  auto& bob = scene.things[0];
  auto& rod = scene.things[1];
  bob.position = kPivot + length * hanging;
  bob.velocity = length * turning * Vector{-hanging.y, hanging.x};
  rod.position = kPivot + length / 2 * hanging;
  rod.direction = hanging;
}

SceneEpisode begin(const Parameters& parameters, EpisodeDraws& draws) {
  const double length = parameters["length"], gravity = parameters["gravity"];
  const double sine = (draws.integer(0, 1) == 0 ? -1 : 1) * parameters["swing"];
  Vector hanging{sine, std::sqrt(1 - sine * sine)};
  double turning = 0;  // radians a frame, clockwise
  Thing bob = disc({}, kBobRadius, draw_colours(draws, 1)[0]);
  Thing rod = box({}, {length / 2, kRodHalfWidth}, kRod);
  Thing hook = box(kPivot, {6, 1.5}, kHook);
  rod.layer = -2, hook.layer = -1;
  Scene scene{.things = {bob, rod, hook}, .num_objects = 1};

  // Leapfrog: half a kick, the turn, half a kick; its energy error stays bounded.
  const auto advance = [=](Scene& now, int64_t, int64_t) mutable {
    const double time = 1.0 / kSteps, pull = gravity / length;
    for (int i = 0; i < kSteps; ++i) {
      turning += time / 2 * pull * hanging.x;
      hanging = turned(hanging, time * turning);
      turning += time / 2 * pull * hanging.x;
    }
    place(now, hanging, turning, length);
  };
  // Some time before the first frame, so that episodes begin anywhere in the swing.
  const int64_t frames_before = draws.integer(0, 30);
  SceneEpisode episode{.scene = scene, .advance = advance};
  place(episode.scene, hanging, turning, length);
  for (int64_t t = 0; t < frames_before; ++t) episode.advance(episode.scene, t, 0);
  return episode;
}

using enum Violation::Kind;

NF_REGISTER_WORLD(pendulum, simulated({.summary = "a ball swings on a rod; 64x64 RGB",
                                       .parameters = kParameters,
                                       .objects = {"bob"},
                                       .violations = {vanish, recolour, resize},
                                       .begin = begin}))

}  // namespace
}  // namespace nextframe::pendulum
