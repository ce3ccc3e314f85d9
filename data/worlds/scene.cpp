#include "data/worlds/scene.h"

#include <algorithm>

namespace nextframe {
namespace {

constexpr int kSceneSubsteps = 8;

/// Pushes two things apart that overlap by `depth` along `normal` (from the first to the second),
/// and exchanges their momentum; false if they were moving apart.
bool collide(Thing& first, Thing& second, Vector normal, double depth, double restitution) {
  const double first_weight = first.mass > 0 ? 1 / first.mass : 0;
  const double second_weight = second.mass > 0 ? 1 / second.mass : 0;
  const double weight = first_weight + second_weight;
  if (weight == 0) return false;
  first.position = first.position - depth * first_weight / weight * normal;
  second.position = second.position + depth * second_weight / weight * normal;
  const double approach = dot(first.velocity - second.velocity, normal);
  if (approach <= 0) return false;
  const double impulse = (1 + restitution) * approach / weight;
  first.velocity = first.velocity - impulse * first_weight * normal;
  second.velocity = second.velocity + impulse * second_weight * normal;
  return true;
}

bool collide_discs(Thing& first, Thing& second, double restitution) {
  const Vector between = second.position - first.position;
  const double distance = length(between), reach = first.radius() + second.radius();
  if (distance >= reach || distance == 0) return false;
  return collide(first, second, 1 / distance * between, reach - distance, restitution);
}

/// A disc and the nearest point of a box that is not rotated.
bool collide_disc_with_box(Thing& disc, Thing& box, double restitution) {
  const Vector low = box.position - box.half_size, high = box.position + box.half_size;
  const Vector nearest{std::clamp(disc.position.x, low.x, high.x),
                       std::clamp(disc.position.y, low.y, high.y)};
  const Vector between = nearest - disc.position;
  const double distance = length(between);
  if (distance >= disc.radius() || distance == 0) return false;
  return collide(disc, box, 1 / distance * between, disc.radius() - distance, restitution);
}

/// One coordinate between two walls; true on a bounce. What gravity has added beyond the wall is
/// taken back (v^2 = v0^2 + 2 g s), so that a ball bounces as high for ever.
bool bounce_between(double& position, double& velocity, double low, double high, double pull,
                    double restitution) {
  const double inside = std::clamp(position, low, std::max(low, high));
  if (inside == position) return false;
  const bool is_outwards = (position < inside) == (velocity < 0) && velocity != 0;
  const double square = velocity * velocity - 2 * pull * (position - inside);
  position = inside;
  if (!is_outwards) return false;
  const double speed = std::sqrt(std::max(square, 0.0));
  velocity = velocity < 0 ? restitution * speed : -restitution * speed;
  return true;
}

void move(Scene& scene, double time) {
  for (auto& thing : scene.things) {
    const double pull = thing.mass > 0 ? scene.gravity : 0;
    thing.position = thing.position + time * thing.velocity + Vector{0, pull * time * time / 2};
    thing.velocity.y += pull * time;
  }
}

void collide_with_walls(Scene& scene, size_t k) {
  auto& object = scene.object(k);
  const double r = object.radius(), pull = object.mass > 0 ? scene.gravity : 0;
  const bool sideways = bounce_between(object.position.x, object.velocity.x, r, scene.size.x - r, 0,
                                       scene.restitution);
  const bool upright = bounce_between(object.position.y, object.velocity.y, r, scene.size.y - r,
                                      pull, scene.restitution);
  if (sideways || upright) scene.touch(k, scene.num_objects);
}

void substep(Scene& scene) {
  move(scene, 1.0 / kSceneSubsteps);
  auto& things = scene.things;
  for (size_t i = 0; i < scene.num_objects; ++i) {
    if (!things[i].is_present || !things[i].is_solid || things[i].shape != Thing::Shape::disc) {
      continue;
    }
    for (size_t j = i + 1; j < things.size(); ++j) {
      if (!things[j].is_present || !things[j].is_solid) continue;
      const bool touched = things[j].shape == Thing::Shape::disc
                               ? collide_discs(things[i], things[j], scene.restitution)
                               : collide_disc_with_box(things[i], things[j], scene.restitution);
      if (touched) scene.touch(i, j);
    }
    if (scene.has_walls) collide_with_walls(scene, i);
  }
}

}  // namespace

Thing disc(Vector position, double radius, Rgb colour) {
  Thing thing;
  thing.position = position;
  thing.half_size = {radius, radius};
  thing.colour = colour;
  thing.mass = radius * radius;  // of equal density
  return thing;
}

Thing box(Vector position, Vector half_size, Rgb colour) {
  Thing thing;
  thing.shape = Thing::Shape::box;
  thing.position = position;
  thing.half_size = half_size;
  thing.colour = colour;
  thing.mass = 0;
  return thing;
}

void Scene::touch(size_t i, size_t j) {
  const size_t width = num_objects + 1;
  const auto note = [&](size_t of, size_t with) {
    if (of < num_objects) contacts[of * width + std::min(with, num_objects)] = 1;
  };
  note(i, j);
  note(j, i);
}

void step(Scene& scene) {
  scene.contacts.assign(scene.num_objects * (scene.num_objects + 1), 0);
  for (int i = 0; i < kSceneSubsteps; ++i) substep(scene);
}

Vector turned(Vector direction, double angle) {
  const double half = angle / 2, scale = 1 / (1 + half * half);
  const double cosine = (1 - half * half) * scale, sine = 2 * half * scale;
  const Vector next{direction.x * cosine - direction.y * sine,
                    direction.x * sine + direction.y * cosine};
  return 1 / length(next) * next;
}

}  // namespace nextframe
