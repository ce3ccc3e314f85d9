// collisions: two balls that meet for certain, 9 frames or more after the start, and bounce
// elastically off each other and the walls. Masses go with the areas. Without the second ball (a
// cause removed), the first goes on straight: up to the contact both episodes are the same.
// The forms of pass_through are matched in the first ball's path; the second ball, where it is
// drawn, goes on straight as well if the first one passes through. `support` matches all of it.
#include <algorithm>

#include "data/worlds/scene_world.h"

namespace nextframe::collisions {
namespace {

const std::vector<WorldParameter> kParameters{
    {"speed", "px/frame", {1, 1.9}, {{0.5, 0.8}, {2.2, 2.7}}},
    {"radius", "px, of the first ball", {3.5, 6}, {{2.4, 3.1}, {6.5, 8}}},
    {"other_radius", "px, of the second ball", {3.5, 6}, {{2.4, 3.1}, {6.5, 8}}}};

/// How the balls are to meet: one hits the other, at rest or on its way, more or less squarely.
struct Meeting {
  Vector first_velocity, second_velocity;
  Vector normal;  // from the first centre to the second
};

Meeting draw_meeting(double speed, EpisodeDraws& draws) {
  Meeting meeting;
  const Vector ahead = draw_direction(draws);
  meeting.first_velocity = speed * ahead;
  if (draws.next() >= 0.25) {  // else the second ball rests
    Vector towards = draw_direction(draws);
    if (dot(towards, ahead) > 0) towards = -1 * towards;
    meeting.second_velocity = draw_in(draws, 0.5, 1) * speed * towards;
  }
  const Vector closing = meeting.first_velocity - meeting.second_velocity;
  const double aside = draw_in(draws, -0.7, 0.7);
  const Vector normal = closing + aside * Vector{-closing.y, closing.x};
  meeting.normal = 1 / length(normal) * normal;
  return meeting;
}

/// `frames` before a ball is at `there`; within the walls, as far as the frame has room.
Vector place_before(Vector there, Vector velocity, double frames) {
  return there - frames * velocity;
}

bool is_inside(Vector position, double radius) {
  return position.x >= radius && position.x <= 64 - radius && position.y >= radius &&
         position.y <= 64 - radius;
}

SceneEpisode begin(const Parameters& parameters, EpisodeDraws& draws) {
  const double radius = parameters["radius"], other_radius = parameters["other_radius"];
  const auto colours = draw_colours(draws, 2);
  Thing first = disc({}, radius, colours[0]), second = disc({}, other_radius, colours[1]);
  do {
    const Meeting meeting = draw_meeting(parameters["speed"], draws);
    const double frames = draw_in(draws, 9, 16);
    const double x = draw_in(draws, 24, 40);
    const Vector contact{x, draw_in(draws, 24, 40)};
    first.velocity = meeting.first_velocity;
    second.velocity = meeting.second_velocity;
    first.position = place_before(contact - radius * meeting.normal, first.velocity, frames);
    second.position =
        place_before(contact + other_radius * meeting.normal, second.velocity, frames);
  } while (!is_inside(first.position, radius) || !is_inside(second.position, other_radius));
  return {.scene = {.things = {first, second}, .num_objects = 2}};
}

using enum Violation::Kind;

NF_REGISTER_WORLD(collisions,
                  simulated({.summary = "two balls meet and bounce elastically; 64x64 RGB",
                             .parameters = kParameters,
                             .objects = {"first ball", "second ball"},
                             .violations = {vanish, recolour, resize, pass_through},
                             .begin = begin}))

}  // namespace
}  // namespace nextframe::collisions
