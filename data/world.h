// The interface of simulated worlds: one file each in data/worlds/, ending with its registration.
//
// A world makes episodes with their true state. What an evaluation asks of it beyond that: the same
// episode once more, with other actions, without one of its objects (a cause removed), or with an
// impossible event.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/action_space.h"
#include "data/recorded_episode.h"
#include "kernels/base/registry.h"

namespace nextframe {

/// Which episode: the same three numbers give the same bytes on every machine.
struct EpisodeKey {
  uint64_t seed = 0;
  uint64_t split = 0;  // 0 train, 1 validation: never the same episode twice
  uint64_t index = 0;
};

/// From where a world's parameters are drawn. `inside` is for training. `outside`: every parameter
/// from values that never occur inside. `combination`: the first two parameters from pairs of
/// values that occur inside, but never together (both low, or both high).
enum class WorldRange { inside, outside, combination };

/// "inside", "outside", "combination"; back, with std::invalid_argument for another name.
std::string to_string(WorldRange range);
WorldRange world_range_from(const std::string& name);

struct Interval {
  double low = 0, high = 0;  // [low, high)
};

/// A number that is drawn for each episode, and stored as the column `world_NAME`.
struct WorldParameter {
  std::string name;               // "speed"
  std::string unit;               // "px/frame"
  Interval inside;                // where `inside` and `combination` draw it from
  std::vector<Interval> outside;  // where `outside` does, each as likely; none of them meets inside
};

/// A column of true state, for people: what `data worlds` prints.
struct StateColumn {
  std::string name;
  std::string shape;  // "[T, K, 2]"; K: objects
  std::string what;   // meaning and unit
};

/// An event that contradicts the world's rules, for tests of surprise. It comes in matched
/// quadruplets (quadruplet() below): the object is as the key says, or altered, before `frame`, and
/// as the key says, or altered, from `frame` on. Where the two agree, the episode is possible.
/// Altered means:
///   vanish        it is not there
///   teleport      it is displaced by `size` px at right angles to its motion, or as the world says
///   recolour      it has another colour, `size` (0 to 1) of the way there
///   resize        its width and height are `size` times as large
///   stop          it rests where it was at `frame`; only in worlds where nothing makes it move
///   pass_through  what it collides with is not drawn (before) and does not act (after): the event
///                 is where they meet, whatever `frame` is
struct Violation {
  enum class Kind { none, vanish, teleport, recolour, resize, stop, pass_through };
  Kind kind = Kind::none;
  int64_t frame = 0;
  double size = 1;
  int64_t object = 0;  // its place among the world's objects
  bool is_altered_before = false, is_altered_after = false;
};

std::string to_string(Violation::Kind kind);

/// The violation in its four forms: two possible episodes, then two impossible ones. The impossible
/// ones consist of halves of the possible ones (pass_through: of what is met, drawn or not, and of
/// a path that is bent or not), so single frames do not tell them apart.
std::array<Violation, 4> quadruplet(const Violation& violation);

/// What to make: an episode as its key says, unless something is asked for.
struct EpisodeRequest {
  EpisodeKey key{};
  int64_t num_frames = 0;
  WorldRange range = WorldRange::inside;
  bool has_masks = false;       // with the column `object_mask`
  at::Tensor actions{};         // int64 [T] in place of those that the key draws; undefined: none
  int64_t removed_object = -1;  // this one never was there
  Violation violation{};
};

struct SimulatedWorld {
  std::string summary;  // one line
  ActionSpace action_space;
  int64_t fps = 0;
  std::function<RecordedEpisode(const EpisodeRequest& request)> make;
  std::vector<WorldParameter> parameters{};
  std::vector<StateColumn> columns{};
  std::vector<std::string> objects{};         // names, in the order of the columns; may be removed
  std::vector<Violation::Kind> violations{};  // that it can show

  /// `make`, once the request is found to be one that this world can answer. Throws
  /// std::invalid_argument that says what it cannot.
  RecordedEpisode replay(const EpisodeRequest& request) const;

  RecordedEpisode episode(const EpisodeKey& key, int64_t num_frames,
                          WorldRange range = WorldRange::inside) const {
    return replay({.key = key, .num_frames = num_frames, .range = range});
  }
};

using WorldRegistry = Registry<SimulatedWorld>;

/// Where a shard's episodes come from, as its attribute `world` says it: enough to make them again.
struct WorldOrigin {
  std::string world;
  WorldRange range = WorldRange::inside;
  EpisodeKey first;                    // of the shard's first episode; the next have the next index
  std::vector<std::string> objects{};  // what the K of the columns are
};

/// {"name":"collisions","range":"inside","seed":0,"split":1,"first_episode":0,"objects":[..]}
std::string to_json(const WorldOrigin& origin);

/// Throws DataError if the text is not an origin.
WorldOrigin world_origin_from_json(const std::string& text);

}  // namespace nextframe

#define NF_REGISTER_WORLD(name, ...)                                  \
  namespace {                                                         \
  const bool registered_world_##name =                                \
      ::nextframe::WorldRegistry::instance().add(#name, __VA_ARGS__); \
  }
