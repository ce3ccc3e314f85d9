#include "data/worlds/scene_world.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/worlds/draw_scene.h"

namespace nextframe {
namespace {

using ViolationKind = Violation::Kind;

/// What an episode has been at each frame, and the actions that were taken there.
struct Course {
  std::vector<Scene> scenes;
  std::vector<int64_t> actions;
};

Course run(SceneEpisode episode, int64_t num_frames, const int64_t* actions) {
  Course course;
  auto& scene = episode.scene;
  scene.contacts.assign(scene.num_objects * (scene.num_objects + 1), 0);
  for (int64_t t = 0; t < num_frames; ++t) {
    if (t > 0 && episode.advance) {
      episode.advance(scene, t - 1, course.actions.back());
    } else if (t > 0) {
      step(scene);
    }
    course.scenes.push_back(scene);
    const bool is_free = actions == nullptr && episode.choose_action;
    course.actions.push_back(is_free              ? episode.choose_action(scene, t)
                             : actions != nullptr ? actions[t]
                                                  : 0);
  }
  return course;
}

/// Away from its path, to the side where there is room.
void displace(Scene& scene, Thing& object, double distance) {
  const double speed = length(object.velocity);
  const Vector across =
      speed > 0 ? 1 / speed * Vector{-object.velocity.y, object.velocity.x} : Vector{1, 0};
  const Vector there = object.position + distance * across;
  const Vector low = object.half_size, high = scene.size - object.half_size;
  const bool has_room =
      there.x >= low.x && there.x <= high.x && there.y >= low.y && there.y <= high.y;
  object.position = object.position + (has_room ? distance : -distance) * across;
}

/// On the way to the colour with its channels exchanged, or from grey to a dark grey.
Rgb recoloured(const Rgb& colour, double share) {
  Rgb result{};
  const bool is_grey = colour[0] == colour[1] && colour[1] == colour[2];
  for (size_t c = 0; c < 3; ++c) {
    const double other = is_grey ? colour[c] / 3.0 : colour[(c + 1) % 3];
    const double value = colour[c] + share * (other - colour[c]);
    result[c] = static_cast<uint8_t>(value + 0.5);
  }
  return result;
}

/// Makes of an episode that has not begun the one that is altered all along.
void alter(SceneEpisode& episode, const Violation& violation, const Course& usual) {
  auto& scene = episode.scene;
  const auto k = static_cast<size_t>(violation.object);
  auto& object = scene.object(k);
  switch (violation.kind) {
    case ViolationKind::vanish:
      object.is_present = false;
      break;
    case ViolationKind::teleport:
      displace(scene, object, violation.size);
      break;
    case ViolationKind::recolour:
      object.colour = recoloured(object.colour, violation.size);
      break;
    case ViolationKind::resize:
      object.half_size = violation.size * object.half_size;
      break;
    case ViolationKind::stop:
      object.position = usual.scenes[static_cast<size_t>(violation.frame)].object(k).position;
      object.velocity = {};
      break;
    case ViolationKind::pass_through:
    case ViolationKind::none:
      break;
  }
}

/// What is collided with is drawn or not, and acts or not: four episodes of their own.
void open_way(Scene& scene, const Violation& violation) {
  const auto k = static_cast<size_t>(violation.object);
  for (size_t i = 0; i < scene.things.size(); ++i) {
    if (i != k && scene.things[i].is_solid) scene.things[i].is_drawn = !violation.is_altered_before;
  }
  scene.things[k].is_solid = !violation.is_altered_after;
}

SceneEpisode begin(const SceneWorld& world, const EpisodeRequest& request,
                   std::vector<double>* values = nullptr) {
  EpisodeDraws draws(request.key);
  const Parameters parameters(world.parameters, request.range, draws);
  if (values != nullptr) *values = parameters.values();
  auto episode = world.begin(parameters, draws);
  if (request.removed_object >= 0) {
    episode.scene.object(static_cast<size_t>(request.removed_object)).is_present = false;
  }
  if (request.violation.kind == ViolationKind::pass_through)
    open_way(episode.scene, request.violation);
  return episode;
}

Course course_of(const SceneWorld& world, const EpisodeRequest& request, SceneEpisode episode) {
  const at::Tensor actions =
      request.actions.defined() ? request.actions.contiguous() : at::Tensor();
  const auto* replayed = actions.defined() ? actions.const_data_ptr<int64_t>() : nullptr;
  Course usual = run(std::move(episode), request.num_frames, replayed);
  const auto& violation = request.violation;
  if (violation.kind == ViolationKind::none || violation.kind == ViolationKind::pass_through)
    return usual;
  SceneEpisode altered = begin(world, request);
  if (!world.alter || !world.alter(altered, violation)) alter(altered, violation, usual);
  const Course other = run(std::move(altered), request.num_frames, usual.actions.data());
  for (size_t t = 0; t < usual.scenes.size(); ++t) {
    const bool is_before = static_cast<int64_t>(t) < violation.frame;
    const bool is_altered = is_before ? violation.is_altered_before : violation.is_altered_after;
    if (is_altered) usual.scenes[t] = other.scenes[t];
  }
  return usual;
}

/// The columns of true state, [T, ...].
class SceneTruth {
 public:
  SceneTruth(int64_t frames, int64_t objects)
      : position_(at::empty({frames, objects, 2}, at::kFloat)),
        velocity_(at::empty_like(position_)),
        size_(at::empty_like(position_)),
        direction_(at::empty_like(position_)),
        colour_(at::empty({frames, objects, 3}, at::kByte)),
        present_(at::empty({frames, objects}, at::kByte)),
        visible_(at::empty({frames, objects}, at::kFloat)),
        contacts_(at::empty({frames, objects, objects + 1}, at::kByte)),
        camera_(at::empty({frames, 2}, at::kFloat)) {}

  void record(int64_t t, const Scene& scene) {
    const auto num_objects = static_cast<int64_t>(scene.num_objects);
    for (int64_t k = 0; k < num_objects; ++k) {
      const auto& object = scene.object(static_cast<size_t>(k));
      const int64_t row = t * num_objects + k;
      put(position_, row, object.position - scene.camera);
      put(velocity_, row, object.velocity);
      put(size_, row, 2 * object.half_size);
      put(direction_, row, object.direction);
      std::copy_n(object.colour.begin(), 3, colour_.data_ptr<uint8_t>() + 3 * row);
      present_.data_ptr<uint8_t>()[row] = object.is_present ? 1 : 0;
    }
    const auto visible = visible_shares(scene);
    std::copy_n(visible.begin(), num_objects, visible_.data_ptr<float>() + t * num_objects);
    std::copy_n(scene.contacts.begin(), scene.contacts.size(),
                contacts_.data_ptr<uint8_t>() + t * num_objects * (num_objects + 1));
    put(camera_, t, scene.camera);
  }

  std::vector<Column> columns() const {
    return {{"object_position", position_}, {"object_velocity", velocity_},
            {"object_size", size_},         {"object_direction", direction_},
            {"object_colour", colour_},     {"object_present", present_},
            {"object_visible", visible_},   {"object_contacts", contacts_},
            {"camera_position", camera_}};
  }

 private:
  static void put(at::Tensor& column, int64_t row, Vector value) {
    auto* place = column.data_ptr<float>() + 2 * row;
    place[0] = static_cast<float>(value.x);
    place[1] = static_cast<float>(value.y);
  }

  at::Tensor position_, velocity_, size_, direction_, colour_, present_, visible_, contacts_,
      camera_;
};

RecordedEpisode record_scenes(const SceneWorld& world, const EpisodeRequest& request) {
  std::vector<double> values;
  SceneEpisode first = begin(world, request, &values);
  const auto num_objects = static_cast<int64_t>(first.scene.num_objects);
  const Course course = course_of(world, request, std::move(first));
  const int64_t frames = request.num_frames, pixels = kSceneFramePx * kSceneFramePx;
  RecordedEpisode episode;
  episode.frames_THWC = at::empty({frames, kSceneFramePx, kSceneFramePx, 3}, at::kByte);
  const at::Tensor masks =
      at::empty({request.has_masks ? frames : 0, kSceneFramePx, kSceneFramePx}, at::kByte);
  SceneTruth truth(frames, num_objects);
  for (int64_t t = 0; t < frames; ++t) {
    const auto& scene = course.scenes[static_cast<size_t>(t)];
    const auto mask = request.has_masks ? std::span(masks.data_ptr<uint8_t>() + t * pixels,
                                                    static_cast<size_t>(pixels))
                                        : std::span<uint8_t>();
    draw_scene(
        scene,
        {episode.frames_THWC.data_ptr<uint8_t>() + t * pixels * 3, static_cast<size_t>(pixels * 3)},
        mask);
    truth.record(t, scene);
  }
  if (!world.actions.empty()) episode.actions = at::tensor(course.actions, at::kLong);
  episode.columns = truth.columns();
  for (size_t i = 0; i < values.size(); ++i) {
    episode.columns.push_back(
        {"world_" + world.parameters[i].name, at::full({frames}, values[i], at::kFloat)});
  }
  if (request.has_masks) episode.columns.push_back({"object_mask", masks});
  return episode;
}

}  // namespace

std::vector<StateColumn> scene_columns(const std::vector<WorldParameter>& parameters) {
  std::vector<StateColumn> columns{
      {"object_position", "[T, K, 2]", "centre in the frame, x and y, px"},
      {"object_velocity", "[T, K, 2]", "in the world, px/frame"},
      {"object_size", "[T, K, 2]", "width and height, px"},
      {"object_direction", "[T, K, 2]", "cosine and sine of its rotation"},
      {"object_colour", "[T, K, 3]", "RGB, 0 to 255"},
      {"object_present", "[T, K]", "1; 0 for an object that was removed or has vanished"},
      {"object_visible", "[T, K]", "share of its area that is seen, 0 to 1"},
      {"object_contacts", "[T, K, K + 1]",
       "1 where it touched that object on the way to this frame; last, a wall or scenery"},
      {"camera_position", "[T, 2]", "the world's point in the frame's upper left corner, px"}};
  for (const auto& parameter : parameters) {
    columns.push_back({"world_" + parameter.name, "[T]", parameter.unit});
  }
  columns.push_back({"object_mask", "[T, H, W]",
                     "with --masks: 0 background, 1 + k object k, 128 and more scenery"});
  return columns;
}

SimulatedWorld simulated(SceneWorld world) {
  SimulatedWorld result{
      world.summary,   {}, 15, {}, world.parameters, scene_columns(world.parameters), world.objects,
      world.violations};
  if (!world.actions.empty()) {
    result.action_space = {ActionSpace::Kind::discrete, static_cast<int64_t>(world.actions.size()),
                           world.actions};
  }
  result.make = [world = std::move(world)](const EpisodeRequest& request) {
    return record_scenes(world, request);
  };
  return result;
}

}  // namespace nextframe
