// The objective: what the network is shown in training, what it must predict, and how frames are
// sampled from it.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>

#include "kernels/base/fields.h"
#include "kernels/base/registry.h"
#include "model/network.h"
#include "model/traits.h"
#include "model/world_model.h"

namespace nextframe {

/// Consecutive frames of B episodes, as an objective gets them.
struct Clip {
  at::Tensor x_BT;          // frames in the model's own layout, see LatentSpace
  at::Tensor actions_BTA;   // float32; the action at t is taken at frame t and leads to frame t + 1
  at::Tensor before_B1A;    // the action that led to the first frame
  at::Tensor mask_BT;       // bool, in training: false for frames that do not count
  at::Tensor sample_ids_B;  // int64, keys what is drawn; undefined means 0
  int64_t first_frame = 0;  // the number of the first frame in its episode
  double bound = 1;         // the largest value of x there is: 1 for pixels
};

/// The action that led to each frame of a clip, [B, T, A].
at::Tensor arriving_actions(const Clip& clip);

/// Independent of the layout of frames: only the leading dimensions B and T are known here.
class Objective {
 public:
  virtual ~Objective() = default;

  /// What a network must offer for this objective.
  virtual Traits asks() const = 0;

  /// What frames it works on: one of pixels, values, codes.
  virtual Traits frames() const { return {Trait::pixels, Trait::values}; }

  /// Whether a frame is sampled, in several network calls.
  virtual bool is_sampling() const { return asks().contains(Trait::noise_levels); }

  /// How many clips a grain needs at least. More than 1 where clips of a grain have different
  /// roles; then the loss of two grains is additive, but not that of two clips.
  virtual int64_t least_clips() const { return 1; }

  /// How often a clip goes through the network without a gradient besides, on average.
  virtual double extra_forwards() const { return 0; }

  /// Why a frame cannot be sampled in so many steps, or "".
  virtual std::string steps_problem(int64_t /*steps*/) const { return ""; }

  /// Why it cannot learn from clips of so many frames, or "".
  virtual std::string clip_problem(int64_t /*clip_frames*/) const { return ""; }

  /// The loss over frames 1 .. T-1 of a clip of true frames.
  ///   network  with nothing cached
  ///   draw     int64 [2] on x's device, see as_tensor() in kernels/draws.h
  virtual LossTerms loss(CausalNetwork& network, const Clip& clip,
                         const at::Tensor& draw) const = 0;

  /// The frame after those of `known`, [B, 1, ...]. The network has cached all frames before
  /// `known`, and caches those of `known` the way that this objective shows the past.
  ///   known.actions_BTA  an action for each of its frames
  virtual at::Tensor next(CausalNetwork& network, const Clip& known,
                          const RolloutOptions& options) const = 0;

  /// Whether frames are sampled together, from all that are known of a clip, by fill() in place of
  /// next().
  bool fills_clips() const { return asks().contains(Trait::whole_clip); }

  /// Of such an objective: from how many of the newest frames it goes on, at most.
  virtual int64_t most_known_frames() const { return 1; }

  /// Samples the frames of a clip that are not known.
  ///   clip.x_BT         as many frames as a clip in training; what stands in unknown ones is not
  ///                     looked at
  ///   clip.actions_BTA  of every frame
  ///   known_T           bool
  ///   returns           clip.x_BT with the frames filled in
  virtual at::Tensor fill(CausalNetwork& /*network*/, const Clip& /*clip*/,
                          const at::Tensor& /*known_T*/, const RolloutOptions& /*options*/) const {
    return {};
  }

  /// Teacher forcing: frames 1 + skip .. T-1 of a clip, each from the true frames before it. By
  /// next(), frame after frame.
  ///   network  with nothing cached
  virtual at::Tensor one_step(CausalNetwork& network, const Clip& clip, int64_t skip,
                              const RolloutOptions& options) const;
};

/// An objective's name and constructor; see NF_REGISTER_MODEL, whose form this follows.
struct ObjectiveEntry {
  std::string summary;
  std::function<void(FieldVisitor&, const Report&)> visit;
  std::function<std::shared_ptr<Objective>(FieldVisitor&)> make;
  Traits asks, frames;
};

using ObjectiveRegistry = Registry<ObjectiveEntry>;

}  // namespace nextframe

/// Registers `Class` under `name`. It needs a nested Config with `fields(FieldVisitor&)` and
/// `check(const Report&) const`, and a constructor Class(Config).
#define NF_REGISTER_OBJECTIVE(name, Class, summary)                                          \
  namespace {                                                                                \
  const bool registered_##Class = ::nextframe::ObjectiveRegistry::instance().add(            \
      name, {summary,                                                                        \
             [](::nextframe::FieldVisitor& field, const ::nextframe::Report& report) {       \
               Class::Config config;                                                         \
               config.fields(field);                                                         \
               config.check(report);                                                         \
             },                                                                              \
             [](::nextframe::FieldVisitor& field) -> std::shared_ptr<nextframe::Objective> { \
               Class::Config config;                                                         \
               config.fields(field);                                                         \
               return std::make_shared<Class>(config);                                       \
             },                                                                              \
             Class(Class::Config()).asks(), Class(Class::Config()).frames()});               \
  }
